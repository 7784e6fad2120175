/** What tests ask of a page. These functions run in it, each by itself; Deno has no types for what they see there. */

/** CSS pixels. */
export function contentWidth() {
  return { content: document.documentElement.scrollWidth, window: document.documentElement.clientWidth };
}

/** @returns {string} */
export function pageAddress() {
  return location.href;
}

/**
 * The addresses of all that the page has loaded.
 *
 * @returns {string[]}
 */
export function resources() {
  return performance.getEntriesByType("resource").map(({ name }) => name);
}

/**
 * @param {string} selector
 * @returns {string}
 */
export function valueOf(selector) {
  return document.querySelector(selector).value;
}

/**
 * The text of an input's label.
 *
 * @param {string} selector
 * @returns {string}
 */
export function labelOf(selector) {
  return document.querySelector(selector).labels[0]?.textContent.trim();
}

/**
 * Whether some of an element's text is out of sight.
 *
 * @param {string} selector
 */
export function isClipped(selector) {
  const element = document.querySelector(selector);
  return element.scrollWidth > element.clientWidth;
}

/** @returns {number} */
export function countAnimations() {
  return document.getAnimations().length;
}

/**
 * What a screen reader would call the element that has the focus, and how the focus can be seen.
 *
 * @returns {{ name: string, outline: string }}
 */
export function focusedElement() {
  const element = document.activeElement;
  const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
  return { name, outline: getComputedStyle(element).outlineStyle };
}

/**
 * Texts whose contrast is below what WCAG 2 asks for at level AA.
 *
 * @returns {string[]}
 */
export function findPaleText() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (color) => {
    const [red, green, blue] = color.map((value) => linear(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    if (element === null) return [255, 255, 255];
    const color = pixel(getComputedStyle(element).backgroundColor);
    return color[3] === 255 ? color : ground(element.parentElement);
  };
  const hasText = ({ childNodes }) => [...childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const contrast = (element) => {
    const [one, other] = [pixel(getComputedStyle(element).color), ground(element)].map(luminance);
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && hasText(element))
    .filter((element) => contrast(element) < 4.5)
    .map((element) => `${element.textContent.trim().slice(0, 30)}: ${contrast(element).toFixed(2)}`);
}
