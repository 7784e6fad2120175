/**
 * The refusal of a request: a status and one plain sentence that names what was refused, the rule and the value.
 *
 * @module
 */

/** Why a request was refused: a closed set that doubles as metric labels. */
export type RefusalReason =
  | "bad id"
  | "bad request"
  | "draining"
  | "forbidden origin"
  | "full"
  | "forbidden id"
  | "internal error"
  | "method"
  | "no such page"
  | "no upgrade"
  | "too many connections"
  | "too many connects"
  | "unauthorized";

const STATUS: Record<RefusalReason, number> = {
  "bad id": 400,
  "bad request": 400,
  "unauthorized": 401,
  "forbidden origin": 403,
  "forbidden id": 403,
  "no such page": 404,
  "method": 405,
  "no upgrade": 426,
  "too many connections": 429,
  "too many connects": 429,
  "internal error": 500,
  "draining": 503,
  "full": 503,
};

/** A refusal, before it is a response. */
export class Refusal {
  readonly status: number;

  constructor(
    readonly reason: RefusalReason,
    readonly sentence: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    this.status = STATUS[reason];
  }

  toResponse(): Response {
    return new Response(`${this.sentence}\n`, {
      status: this.status,
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        ...this.headers,
      },
    });
  }
}
