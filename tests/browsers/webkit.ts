/**
 * WebKit, as WebKitGTK has it, through WebDriver. It draws on a screen that nobody sees.
 *
 * @module
 */

// @ts-types="@types/selenium-webdriver"
import { Builder, By, Key as Keys, type WebDriver } from "selenium-webdriver";
import { lastingPort } from "../helpers/lasting_port.ts";
import { findProgram } from "../helpers/programs.ts";
import type { Browser, Engine, Key, Look, Tab } from "./browser.ts";
import { waitFor } from "./waiting.ts";

const DRIVER = "WebKitWebDriver";
const PATIENCE_MS = 60_000;
const KEYS: Record<string, string> = { Tab: Keys.TAB, Enter: Keys.ENTER, Space: " ", Home: Keys.HOME, End: Keys.END };

export const WEBKIT: Engine = {
  name: "WebKit",
  packages: "webkit2gtk-driver xvfb",
  keepsPages: true,
  isThere: () => findProgram(DRIVER) !== undefined && findProgram("Xvfb") !== undefined,
  launch: (look = {}) => Webkit.launch(look),
};

class Webkit implements Browser {
  readonly version: string;
  readonly #driver: WebDriver;
  /** It stays open, as others can only be opened from one. */
  readonly #firstWindow: string;
  readonly #programs: AsyncDisposable;

  static async launch(look: Look): Promise<Webkit> {
    await using programs = new AsyncDisposableStack();
    const home = await Deno.makeTempDir({ prefix: "relay_webkit_" });
    programs.defer(() => remove(home));
    if (look.isStill) await stopAnimations(home);
    const screen = programs.use(start("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]));
    const display = `:${await firstLine(screen)}`;
    // The driver takes a port, and does not tell which one it has picked by itself.
    const port = lastingPort();
    programs.use(start(DRIVER, [`--port=${port}`], environment(look, home, display)));
    await isListening(port);
    const driver = await connect(port, look);
    programs.defer(() => driver.quit());
    return new Webkit(driver, await driver.getWindowHandle(), {
      version: await versionOf(driver),
      programs: programs.move(),
    });
  }

  private constructor(
    driver: WebDriver,
    firstWindow: string,
    { version, programs }: { version: string; programs: AsyncDisposable },
  ) {
    this.#driver = driver;
    this.#firstWindow = firstWindow;
    this.version = version;
    this.#programs = programs;
  }

  /** In a window of its own; what a page stores, others see. */
  async open(url: string): Promise<Tab> {
    await this.#driver.switchTo().window(this.#firstWindow);
    await this.#driver.switchTo().newWindow("window");
    const tab = new WebkitTab(this.#driver, await this.#driver.getWindowHandle());
    await tab.goto(url);
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs[Symbol.asyncDispose]();
  }
}

/** One driver has one window at a time: each step begins with going there. */
class WebkitTab implements Tab {
  readonly complaints: string[] = [];
  readonly addresses: string[] = [];
  readonly #driver: WebDriver;
  readonly #handle: string;

  constructor(driver: WebDriver, handle: string) {
    this.#driver = driver;
    this.#handle = handle;
  }

  async evaluate<Result>(action: (argument: never) => Result | Promise<Result>, argument?: unknown): Promise<Result> {
    const script = `const [argument, done] = arguments;
      Promise.resolve(argument).then(${action}).then((value) => done({ value }), (error) => done({ error: String(error) }))`;
    const { value, error } = await this.#in((driver) => driver.executeAsyncScript<Outcome>(script, argument));
    if (error !== undefined) throw new Error(error);
    return value as Result;
  }

  async goto(url: string): Promise<void> {
    await this.#in((driver) => driver.get(url));
  }

  async reload(): Promise<void> {
    await this.#in((driver) => driver.navigate().refresh());
  }

  async back(): Promise<void> {
    await this.#in((driver) => driver.navigate().back());
  }

  async click(selector: string): Promise<void> {
    await this.#in((driver) => driver.findElement(By.css(selector)).click());
  }

  async press(key: Key): Promise<void> {
    const [last, isHeld] = key.split("+").reverse();
    await this.#in((driver) => {
      const actions = driver.actions();
      if (isHeld) actions.keyDown(Keys.CONTROL);
      actions.sendKeys(KEYS[last] ?? last);
      return (isHeld ? actions.keyUp(Keys.CONTROL) : actions).perform();
    });
  }

  async type(text: string): Promise<void> {
    await this.#in((driver) => driver.actions().sendKeys(text).perform());
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#in((driver) => driver.manage().window().setRect({ width, height, x: 0, y: 0 }));
  }

  /** It cannot be taken off the network: the page is told, and whoever tests has to cut it off. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.evaluate((type: string) => void dispatchEvent(new Event(type)), isOffline ? "offline" : "online");
  }

  async close(): Promise<void> {
    await this.#in((driver) => driver.close());
  }

  async #in<Result>(action: (driver: WebDriver) => Promise<Result>): Promise<Result> {
    await this.#driver.switchTo().window(this.#handle);
    return await action(this.#driver);
  }
}

interface Outcome {
  value?: unknown;
  error?: string;
}

/** What GTK and WebKit read when they start. */
function environment({ isDark = false }: Look, home: string, display: string): Record<string, string> {
  return {
    DISPLAY: display,
    HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_CACHE_HOME: home,
    XDG_DATA_HOME: home,
    GTK_THEME: isDark ? "Adwaita:dark" : "Adwaita",
    LIBGL_ALWAYS_SOFTWARE: "1",
    NO_AT_BRIDGE: "1",
  };
}

/** Its processes outlive their driver by a moment, and write until their end. */
async function remove(folder: string): Promise<void> {
  await waitFor(() => Deno.remove(folder, { recursive: true }), () => true, "WebKit to leave its folder");
}

async function stopAnimations(home: string): Promise<void> {
  await Deno.mkdir(`${home}/gtk-3.0`);
  await Deno.writeTextFile(`${home}/gtk-3.0/settings.ini`, "[Settings]\ngtk-enable-animations=0\n");
}

async function connect(port: number, { isScriptless = false }: Look): Promise<WebDriver> {
  const args = ["--automation", `--enable-javascript=${!isScriptless}`];
  const capabilities = { browserName: "MiniBrowser", "webkitgtk:browserOptions": { args } };
  const driver = await new Builder().usingServer(`http://127.0.0.1:${port}`).withCapabilities(capabilities).build();
  await driver.manage().setTimeouts({ script: PATIENCE_MS, pageLoad: PATIENCE_MS });
  return driver;
}

async function versionOf(driver: WebDriver): Promise<string> {
  const capabilities = await driver.getCapabilities();
  return `WebKitGTK ${capabilities.get("browserVersion")}`;
}

function start(command: string, args: string[], env: Record<string, string> = {}): Deno.ChildProcess & AsyncDisposable {
  const child = new Deno.Command(command, { args, env, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  return child;
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

async function isListening(port: number): Promise<void> {
  const knock = async () => (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await waitFor(knock, () => true, `${DRIVER} to listen`);
}
