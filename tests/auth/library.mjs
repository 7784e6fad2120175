/** The library as published. Its name is not spelled in the import: Deno's type check would look for it, and only Node has it. */
const NAME = "@localfirst/auth";

export const { Connection, createDevice, createTeam, createUser, generateProof, symmetric } = await import(NAME);
