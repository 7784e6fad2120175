/**
 * What tests want of a browser, whichever it is.
 *
 * @module
 */

/** How a browser is set up. What is left out is as its makers have it. */
export interface Look {
  /** Its user likes dark pages. */
  readonly isDark?: boolean;
  /** Its user wants no motion. */
  readonly isStill?: boolean;
  /** It runs no scripts. */
  readonly isScriptless?: boolean;
}

/** A key, with Control held down or not. */
export type Key = "Tab" | "Enter" | "Space" | "Control+Home" | "Control+End" | "Control+a";

/** A window with a page in it. */
export interface Tab {
  /** What the page complained of, and what was refused to it; nothing where the browser does not tell. */
  readonly complaints: readonly string[];
  /** What the page asked for, of whom; nothing where the browser does not tell. */
  readonly addresses: readonly string[];
  /** Runs a function in the page, by itself: argument and result are JSON, or a promise of it. */
  evaluate<Result>(action: () => Result | Promise<Result>): Promise<Result>;
  evaluate<Result, Argument>(
    action: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** To the page before this one, which the browser may have kept as it was. */
  back(): Promise<void>;
  click(selector: string): Promise<void>;
  press(key: Key): Promise<void>;
  type(text: string): Promise<void>;
  /** In CSS pixels; some browsers have no windows as narrow as this. */
  resize(width: number, height: number): Promise<void>;
  /** Takes the network away from the page, or gives it back, or at least says so to it. */
  setOffline(isOffline: boolean): Promise<void>;
  close(): Promise<void>;
}

/** A browser that runs. */
export interface Browser extends AsyncDisposable {
  /** Its name and version. */
  readonly version: string;
  open(url: string): Promise<Tab>;
}

/** A browser that may be installed. */
export interface Engine {
  readonly name: string;
  /** Packages of Debian that bring it. */
  readonly packages: string;
  /** Whether it keeps a page that has sockets for when its user comes back to it, sockets closed (the bfcache). */
  readonly keepsPages: boolean;
  /** Whether it is installed. */
  isThere(): boolean;
  launch(look?: Look): Promise<Browser>;
}
