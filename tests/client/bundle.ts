/** Makes one ES module of a file of this repository, for platforms that read no TypeScript. */
export async function bundle(path: string, ...options: string[]): Promise<string> {
  const file = new URL(`../../${path}`, import.meta.url).pathname;
  const args = ["bundle", "--quiet", "--platform", "browser", ...options, file];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`Cannot bundle ${path}: ${errors.trim()}`);
  return text;
}
