/** The storage for Swift over a scripted network. */
import { rawSettings } from '../src/config/setting.ts';
import type { HttpRequest } from '../src/network/http.ts';
import { swiftConfig } from '../src/storage/swift/config.ts';
import { SwiftRequests } from '../src/storage/swift/requests.ts';
import { openSession } from '../src/storage/swift/session.ts';
import { SwiftStorage } from '../src/storage/swift/swift-storage.ts';
import { createUploadBuffers } from '../src/storage/upload-buffers.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';
import { recordingLogger } from './recording-logger.ts';
import { scriptedHttp, type ScriptedAnswer } from './scripted-http.ts';

/** A storage, and what is around it. */
export interface SwiftRig {
  readonly storage: SwiftStorage;
  /** What was asked of the storage, as `PUT box/a/b`, with the query. */
  readonly asked: readonly string[];
  readonly requests: readonly HttpRequest[];
  /** What was asked of the token service. */
  readonly logins: readonly HttpRequest[];
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof recordingLogger>;
}

/** Options of {@link swiftRig}. */
export interface SwiftRigOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Answers logins; default: tokens `token 1`, `token 2` … without an end. */
  readonly login?: (request: HttpRequest, count: number) => ScriptedAnswer;
}

const storageUrl = 'https://store/v1/AUTH_me';

/** An answer to a login of version 1. */
export function tokenAnswer(count: number, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer {
  return { status: 200, headers: { 'x-auth-token': `token ${count + 1}`, 'x-storage-url': storageUrl, ...headers } };
}

/** Opens `swift://box/a` by the login of version 1, unless `settings` say otherwise; `script` answers for the storage. */
export function swiftRig(
  script: (asked: string, request: HttpRequest, count: number) => ScriptedAnswer,
  { settings = {}, login = (_, count) => tokenAnswer(count) }: SwiftRigOptions = {},
): SwiftRig {
  const logger = recordingLogger();
  const clock = fakeClock();
  const asked: string[] = [];
  const requests: HttpRequest[] = [];
  const logins: HttpRequest[] = [];
  const http = scriptedHttp((request) => {
    if (request.url.host !== 'store') {
      logins.push(request);
      return login(request, logins.length - 1);
    }
    const { pathname, search } = request.url;
    const words = `${request.method} ${decodeURIComponent(pathname.replace('/v1/AUTH_me/', ''))}${search}`;
    asked.push(words);
    requests.push(request);
    return script(words, request, asked.length - 1);
  });
  const raw = rawSettings({
    WALG_SWIFT_PREFIX: 'swift://box/a',
    ST_AUTH: 'https://login/auth/v1.0',
    ST_USER: 'me:tester',
    ST_KEY: 'hushhush',
    ...settings,
  });
  const config = swiftConfig(raw, { logger });
  const session = openSession({ config, http, clock, logger });
  const storage = new SwiftStorage(
    new SwiftRequests({ config, http, session, clock, logger }),
    createUploadBuffers(64 << 20),
  );
  return { storage, asked, requests, logins, clock, logger };
}

/** A refusal as Swift words it. */
export function refusal(
  status: number,
  words = 'Refused',
  headers: Readonly<Record<string, string>> = {},
): ScriptedAnswer {
  return { status, headers, body: `<html><h1>${words}</h1><p>Some words.</p></html>` };
}
