/** What the simulated system throws into the code under test: it may come out again. */
export class OutsideError extends Error {}
