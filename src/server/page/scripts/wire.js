/** The picture of the connection between Alice and Bob, with the relay in the middle: a fish for each message. */

/** Their places on the line, in the units of the drawing. */
const PLACES = { alice: -14, guest: 80, bob: 174 };
const SWIM_MS = 1100;
/** A peer that comes back sends everything at once. */
const MOST_FISH = 8;
const SVG = "http://www.w3.org/2000/svg";

/** Shows the line. */
export class Wire {
  #root;
  #sea;
  #stillness = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#sea = root.querySelector(".sea");
  }

  /**
   * Shows the state of each side, and of the pair.
   *
   * @param {{ alice: import("./peer.js").State, bob: import("./peer.js").State, isPaired: boolean }} states
   */
  update({ alice, bob, isPaired }) {
    this.#root.dataset.alice = half(alice, isPaired);
    this.#root.dataset.bob = half(bob, isPaired);
    this.#root.dataset.pair = isPaired ? "connected" : [alice, bob].includes("cut") ? "cut" : "waiting";
  }

  /**
   * Lets a fish swim, for a message.
   *
   * @param {keyof typeof PLACES} from
   * @param {keyof typeof PLACES} to
   */
  carry(from, to) {
    const isCrowded = this.#sea.getElementsByClassName("fish").length >= MOST_FISH;
    if (this.#stillness.matches || document.hidden || isCrowded) return;
    const fish = document.createElementNS(SVG, "use");
    fish.setAttribute("href", "#fish");
    fish.setAttribute("class", `fish ${from}`);
    this.#sea.append(fish);
    fish.animate(swim(PLACES[from], PLACES[to]), { duration: SWIM_MS, easing: "cubic-bezier(.45,.1,.4,1)" })
      .finished.finally(() => fish.remove());
  }
}

function half(state, isPaired) {
  if (state === "cut") return "cut";
  return isPaired ? "connected" : "waiting";
}

/** Up and down with the waves, head first. */
function swim(from, to) {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  const turn = to < from ? "scale(-1, 1)" : "";
  return steps.map((step) => {
    const x = from + (to - from) * step;
    const y = 80 + 7 * Math.sin(step * 2 * Math.PI);
    const lean = 14 * Math.cos(step * 2 * Math.PI);
    return { transform: `translate(${x}px, ${y}px) ${turn} rotate(${lean}deg)` };
  });
}
