/** The numbers of the relay, which are fetched again and again while the page is visible. */

import { duration } from "./duration.js";

const EVERY_MS = 2000;
const ANSWER_WITHIN_MS = 5000;
const HEALTH = { running: "running", draining: "restarting", lost: "out of reach" };

/** Shows the numbers, and keeps them up to date. */
export class Numbers {
  /** Whether the latest request was answered. */
  isReachable = true;
  /** @type {{ frames: number, at: number } | undefined} */
  #latest;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#refresh());
    setInterval(() => this.#refresh(), EVERY_MS);
    this.#refresh();
  }

  async #refresh() {
    if (document.hidden) return;
    try {
      const status = await ask();
      this.isReachable = true;
      this.#show(status);
    } catch {
      this.isReachable = false;
      this.#latest = undefined;
      showHealth("lost");
    }
  }

  #show(status) {
    showHealth(status.status);
    for (const name of ["connections", "peers", "pairs"]) show(name, status[name].toLocaleString("en"));
    show("uptime", duration(status.uptime));
    show("version", status.version);
    this.#showRate(status.frames);
  }

  /** A relay counts frames; their rate is the difference between two requests. */
  #showRate(frames) {
    const [before, now] = [this.#latest, { frames, at: performance.now() }];
    this.#latest = now;
    if (frames === undefined || before === undefined || frames < before.frames) return;
    const rate = (frames - before.frames) * 1000 / (now.at - before.at);
    show("rate", rate >= 10 || rate === 0 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1));
  }
}

async function ask() {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const answer = await fetch("/", { headers: { accept: "application/json" }, cache: "no-store", signal });
  return await answer.json();
}

function show(name, text) {
  for (const element of document.querySelectorAll(`[data-number="${name}"]`)) {
    if (element.textContent !== text) element.textContent = text;
  }
}

function showHealth(health) {
  document.documentElement.dataset.health = health;
  show("health", HEALTH[health] ?? health);
}
