#!/usr/bin/env node
/**
 * In the npm package: the command, `deno run -A npm:@localfirst/relay`. Elsewhere than on Deno it says that it needs that.
 *
 * @module
 */

import { main } from "@localfirst/relay";

Deno.exit(await main(Deno.args));
