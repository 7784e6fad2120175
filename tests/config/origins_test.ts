import { assertEquals } from "@std/assert";
import { canonicalOrigin, Origins } from "../../src/server/config/origins.ts";

/** What an operator allows, with origins as browsers send them: those that it lets in, and those that it does not. */
const ALLOWED: [allowed: string, sent: string[], others: string[]][] = [
  ["https://Example.com:443/", ["https://example.com"], ["http://example.com", "https://example.com:444"]],
  ["http://[::1]:3000", ["http://[::1]:3000"], ["http://[::1]", "http://[::2]:3000", "http://localhost:3000"]],
  ["http://[0:0:0:0:0:0:0:1]:80", ["http://[::1]"], ["http://[::1]:3000"]],
  ["https://münchen.example", ["https://xn--mnchen-3ya.example"], ["https://munchen.example"]],
  ["https://a_b.example", ["https://a_b.example"], ["https://axb.example"]],
  ["null", ["null"], ["file://", "https://null"]],
  ["file://", ["file://"], ["null", "https://file"]],
  ["file:///", ["file://"], ["null"]],
  ["chrome-extension://AbCd", ["chrome-extension://abcd"], ["chrome-extension://abce", "moz-extension://abcd"]],
  ["capacitor://localhost", ["capacitor://localhost"], ["ionic://localhost", "http://localhost"]],
  [
    "https://*.b.example:8443",
    ["https://x.b.example:8443", "https://x.y.b.example:8443"],
    [
      "https://b.example:8443",
      "https://x.b.example",
      "https://xb.example:8443",
      "https://x.b.example:8443.evil.example",
    ],
  ],
  ["https://*.b.example", ["https://x.b.example"], [
    "http://x.b.example",
    "https://evil/.b.example",
    "https://b.example",
  ]],
];

for (const [allowed, sent, others] of ALLOWED) {
  Deno.test(`${allowed} lets in ${sent.join(" and ")}, and nothing else`, () => {
    const origins = new Origins([canonicalOrigin(allowed)!]);
    assertEquals(sent.filter((origin) => !origins.allow(origin)), []);
    assertEquals(others.filter((origin) => origins.allow(origin)), []);
  });
}

Deno.test("what can be no origin of a browser is none, whatever the runtime makes of it", () => {
  const none = [
    ...["", "*", "example.com", "https://", "https://example.com/app", "https://example.com?", "https://a@example.com"],
    ...[
      "https://a{b.example",
      "x://a+b",
      "x://",
      "https://a b",
      "https://a\\b",
      "about:blank",
      "blob:https://a.example",
    ],
    ...["http://[::1", "http://[::g]", "http://*.[::1]", "https://*", "https://*.*.example", "https://a:99999"],
  ];
  assertEquals(none.filter((text) => canonicalOrigin(text) !== undefined), []);
});

Deno.test("the one spelling of an origin stays as it is", () => {
  for (const [allowed] of ALLOWED) {
    const origin = canonicalOrigin(allowed)!;
    assertEquals(canonicalOrigin(origin), origin);
  }
});
