/**
 * All browsers that tests are run in: who has none of one of them is told in one line what was left out.
 *
 * @module
 */

import type { Engine } from "./browser.ts";
import { CHROMIUM } from "./chromium.ts";
import { FIREFOX } from "./firefox.ts";
import { WEBKIT } from "./webkit.ts";

const ENGINES: readonly Engine[] = [CHROMIUM, FIREFOX, WEBKIT];

/** Declares a test in each engine, or one that says that it was left out; on CI that one fails. */
export function testInEngines(title: string, test: (engine: Engine, context: Deno.TestContext) => Promise<void>): void {
  for (const engine of ENGINES) {
    if (engine.isThere()) Deno.test(`${title}, in ${engine.name}`, (context) => test(engine, context));
    else {Deno.test(`${title}, in ${engine.name}: left out; ${how(engine)}`, { ignore: !isRequired() }, () =>
        refuse(engine));}
  }
}

/** Runs a step of a test in each engine. */
export async function stepInEngines(
  context: Deno.TestContext,
  title: string,
  step: (engine: Engine) => Promise<void>,
): Promise<void> {
  for (const engine of ENGINES) {
    await context.step({
      name: `${title}, in ${engine.name}${engine.isThere() ? "" : `: left out; ${how(engine)}`}`,
      ignore: !engine.isThere() && !isRequired(),
      fn: () => engine.isThere() ? step(engine) : refuse(engine),
    });
  }
}

function how({ packages }: Engine): string {
  return `to run it, install what Debian has as ${packages}`;
}

function isRequired(): boolean {
  return Deno.env.get("CI") === "true";
}

function refuse(engine: Engine): never {
  throw new Error(`Cannot run the tests in ${engine.name}: ${how(engine)}`);
}
