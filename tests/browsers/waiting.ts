/**
 * Waiting for what a page shows.
 *
 * @module
 */

import type { Tab } from "./browser.ts";

const PATIENCE_MS = 60_000;
/** How often a page is looked at: half of what anybody notices. */
const EVERY_MS = 50;

/** Looks until `find` gives something. While a page comes or goes, there is nothing to be seen. */
export async function waitFor<Result>(
  look: () => Promise<Result>,
  isRight: (result: Result) => boolean,
  what: string,
): Promise<Result> {
  let seen: unknown;
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    try {
      const result = await look();
      if (isRight(result)) return result;
      seen = result;
    } catch (error) {
      seen = error;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  throw new Error(`Waited for ${what}, saw ${seen instanceof Error ? seen.message : JSON.stringify(seen)}`);
}

/** Waits until a visible element says this and nothing else, or matches. Returns all that was said by then. */
export async function sees(tab: Tab, selector: string, text: string | RegExp): Promise<string[]> {
  const isRight = (texts: string[]) => texts.some((one) => typeof text === "string" ? one === text : text.test(one));
  return await waitFor(() => textsOf(tab, selector), isRight, `${text} in ${selector}`);
}

/** Waits until nothing of this kind is visible. */
export async function seesNone(tab: Tab, selector: string): Promise<void> {
  await waitFor(() => textsOf(tab, selector), (texts) => texts.length === 0, `no ${selector}`);
}

/** The texts of all visible elements, with white space as one sees it. */
export async function textsOf(tab: Tab, selector: string): Promise<string[]> {
  return await tab.evaluate(visibleTexts, selector);
}

/** Runs in the page, whose types Deno does not have. */
function visibleTexts(selector: string): string[] {
  // deno-lint-ignore no-explicit-any
  const elements: any[] = [...(globalThis as any).document.querySelectorAll(selector)];
  return elements.filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .map((element) => element.textContent.replace(/\s+/g, " ").trim());
}
