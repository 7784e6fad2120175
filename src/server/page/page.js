/** The scripts of the page. Without them it still has all its text. */

import { enableCopying, showAddress } from "./scripts/copy.js";
import { Demo } from "./scripts/demo.js";
import { Numbers } from "./scripts/numbers.js";

showAddress();
enableCopying();
document.documentElement.classList.add("live");
new Demo(document.querySelector(".demo"), new Numbers()).start();
