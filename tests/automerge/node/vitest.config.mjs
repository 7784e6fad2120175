export default { test: { include: ["acceptance.mjs"] } };
