/**
 * Programs of other projects that some tests need: who has none of them is told in one line what was left out.
 *
 * @module
 */

/** Where Debian puts servers, which is not on everybody's PATH. */
const FOLDERS = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"];

/** The path of a program; undefined if it is nowhere. */
export function findProgram(name: string): string | undefined {
  return findFile(...FOLDERS.map((folder) => `${folder}/${name}`));
}

/** The first of these paths that is a file; undefined if none is. */
export function findFile(...paths: string[]): string | undefined {
  return paths.find((path) => isFile(path));
}

/** Declares tests that need a program, or one that says that they were left out; on CI that one fails. */
export function withProgram(name: string, declare: () => void): void {
  if (findProgram(name) !== undefined) return declare();
  const how = `install ${name} (Debian: apt-get install ${PACKAGES[name] ?? name})`;
  Deno.test(`with ${name}: left out; to run these tests, ${how}`, { ignore: Deno.env.get("CI") !== "true" }, () => {
    throw new Error(`Cannot run the tests with ${name}: ${how}`);
  });
}

const PACKAGES: Record<string, string> = { nginx: "nginx-light", promtool: "prometheus", "systemd-analyze": "systemd" };

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
