/** Client and behaviours as one script, for windows that load no modules. */

import { Client, createSecret } from "../../src/client/mod.ts";
import { behaviours } from "./behaviours.ts";

Object.assign(globalThis, { Client, createSecret, behaviours });
