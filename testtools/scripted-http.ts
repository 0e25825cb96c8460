/** An HTTP client that answers as it is told: for tests of what speaks to storages. */
import { collect, fromBytes, type ByteSource } from '../src/bytes/stage.ts';
import type { HttpClient, HttpRequest } from '../src/network/http.ts';

/** An answer, or an error that takes its place. */
export type ScriptedAnswer =
  | Error
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array | ByteSource;
    };

/** A scripted client, and what was asked of it. */
export interface ScriptedHttp extends HttpClient {
  readonly requests: readonly HttpRequest[];
}

/** Answers each request by `script`, which is told how many came before. */
export function scriptedHttp(script: (request: HttpRequest, count: number) => ScriptedAnswer): ScriptedHttp {
  const requests: HttpRequest[] = [];
  return {
    requests,
    async request(request) {
      const answer = script(request, requests.length);
      requests.push(request);
      if (answer instanceof Error) throw answer;
      const { status, headers = {}, body = '' } = answer;
      const source =
        typeof body === 'string' ? fromBytes(Buffer.from(body)) : body instanceof Uint8Array ? fromBytes(body) : body;
      return Promise.resolve({
        status,
        headers,
        body: source,
        text: async () => (await collect(source)).toString(),
        async discard() {
          await collect(source);
        },
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
