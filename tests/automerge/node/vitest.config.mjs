// The library's tests give their repos 50 and 100 ms for what takes longer on a busy machine.
export default { test: { include: ["acceptance.mjs"], retry: 3 } };
