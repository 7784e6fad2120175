/**
 * What WebSockets number: their states, and the closes that nobody sends (RFC 6455, 7.4.1).
 *
 * @module
 */

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

export const NORMAL_CLOSURE = 1000;
/** A close without a code. */
export const NO_CODE = 1005;
/** An end without a close. */
export const ABNORMAL_CLOSURE = 1006;
