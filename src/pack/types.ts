/**
 * What the package's types need of TypeScript's own.
 *
 * @module
 */

import { filesBelow } from "./files.ts";

/** TypeScript has it only since 5.2, in a library that few projects name. Said twice, it does no harm. */
const ASYNC_DISPOSE = "declare global { interface SymbolConstructor { readonly asyncDispose: unique symbol } }\n";

/** Declares it in every file of types that names it. */
export async function declareAsyncDispose(folder: string): Promise<void> {
  for await (const path of filesBelow(folder)) {
    if (!path.endsWith(".d.ts")) continue;
    const types = await Deno.readTextFile(path);
    if (types.includes("Symbol.asyncDispose")) await Deno.writeTextFile(path, `${types}\n${ASYNC_DISPOSE}`);
  }
}
