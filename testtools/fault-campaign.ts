/**
 * Pushes, fetches and removes objects through a fault proxy, once for every request that this takes and every fault that may
 * befall it, and tells what was promised and not kept: success with the right bytes, or an error in good time and nothing
 * under the final name.
 */
import { collect, fromBytes } from '../src/bytes/stage.ts';
import { openCodec } from '../src/codecs/open.ts';
import type { CodecName } from '../src/codecs/codec.ts';
import { ArchiverError } from '../src/errors.ts';
import { pushObject } from '../src/pipeline/push-object.ts';
import { readDecoded, storedKey, type Transport } from '../src/pipeline/transport.ts';
import { ObjectNotFoundError } from '../src/storage/errors.ts';
import { defaultRetryPolicy, withRetry } from '../src/storage/retry.ts';
import { silentLogger } from '../src/platform/logger.ts';
import type { Key } from '../src/storage/storage.ts';
import { bytesOf, doErrand, longer, madeBytes, small, type Errand, type Outcome } from './fault-errands.ts';
import { startFaultProxy, type Fault, type ProxiedCall } from './fault-proxy.ts';
import { hurriedClock, laterClock, laterMs, openFaulted, type FaultedStore } from './fault-stores.ts';

/** Faults by names. */
export type NamedFaults = Readonly<Record<string, Fault>>;

/** What befalls which errands. */
export interface Campaign {
  readonly errands: readonly Errand[];
  readonly faults: NamedFaults;
  /** `once`: the n-th request alone, for every n; `onwards`: it and all that follow. */
  readonly lasting: 'once' | 'onwards';
  readonly codec: CodecName;
  /** Of all pairs of request and fault, one in so many, from each request another; default 1: all. */
  readonly oneIn?: number;
  /** Errands at the same time. */
  readonly sideBySide: number;
}

/** What came of it. */
export interface CampaignReport {
  readonly cases: number;
  /** Cases that ended with an error, as they may. */
  readonly failed: number;
  /** What was promised and not kept, one line each. */
  readonly broken: readonly string[];
}

const named = (...faults: (Fault & string)[]): NamedFaults => Object.fromEntries(faults.map((fault) => [fault, fault]));
const breaks = named('drop', 'cut-request', 'lose-answer', 'cut-head', 'cut-body', 'reset-body');
const silences = named('hang', 'late-answer', 'stall-body');
const changes = named('flip-request', 'flip-answer');

/** All that is known to happen to this store, and before it. */
export function allFaults({ slowDown, errorIn200 }: FaultedStore): NamedFaults {
  const html = { headers: { 'content-type': 'text/html' }, body: '<html>Bad Gateway</html>' };
  const answered: NamedFaults = {
    'status 500': { status: 500 },
    'status 503': { status: 503, headers: { 'retry-after': '1' } },
    'early status 503': { status: 503, early: true },
    'status 429': { status: 429 },
    'status 502 of a gateway': { status: 502, ...html },
    'slow down': slowDown,
    'an error with status 200': errorIn200,
  };
  return { ...breaks, ...answered, ...silences, ...changes };
}

/** An errand that meets silence once is over after seconds, unless the machine is very busy. */
const limitMs = 240_000;

/** Runs it. Everything the campaign wrote stays, below folders of its own. */
export async function runCampaign(store: FaultedStore, campaign: Campaign): Promise<CampaignReport> {
  const codec = await openCodec(campaign.codec);
  const root = `c${(campaigns += 1)}`;
  const large = madeBytes(Math.round(store.largeBytes), 3);
  await using direct = await openFaulted(store, root);
  const forgotten: ProxiedCall[] = [];
  const broken: string[] = [];
  let [cases, failed] = [0, 0];

  /** Does an errand in a folder; `plan` says what befalls its requests, `isSilent` to which there is no answer. */
  async function attempt(
    errand: Errand,
    folder: string,
    plan: (call: ProxiedCall) => Fault | undefined,
    isSilent?: (count: number) => boolean,
  ): Promise<Attempt> {
    if (errand !== 'fetch') await prepare(errand, folder);
    await using proxy = await startFaultProxy(store.url, plan);
    const options = { url: proxy.url, ...(isSilent !== undefined && { isSilent }) };
    await using storage = await openFaulted(store, `${root}/${folder}`, options);
    const patient = withRetry(storage, defaultRetryPolicy, hurriedClock, silentLogger);
    const transport: Transport = { storage: patient, codec, crypter: undefined };
    const outcomes = await doErrand(errand, transport, large);
    return { outcomes, requests: Math.max(...proxy.calls.map(({ count }) => count)) };
  }

  async function prepare(errand: Errand, folder: string): Promise<void> {
    const transport = { storage: direct, codec, crypter: undefined };
    const put = async (name: Key, bytes: Buffer): Promise<void> => {
      await pushObject(transport, `${folder}/${name}`, () => fromBytes(bytes));
    };
    if (errand === 'push') await put('replaced', small);
    else await Promise.all([put('f/small', small), put('f/large', large), put('f/other', longer)]);
  }

  /** What is stored, decoded; undefined when there is none. */
  async function stored(key: Key): Promise<Buffer | undefined> {
    try {
      return await collect(await readDecoded({ storage: direct, codec, crypter: undefined }, key));
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  }

  async function one(errand: Errand, faultName: string, fault: Fault, n: number): Promise<void> {
    const folder = errand === 'fetch' ? 'fetched' : `${errand} ${(cases += 1)}`;
    if (errand === 'fetch') cases += 1;
    const title = `${errand}, request ${n} ${campaign.lasting}, ${faultName}`;
    let befallen: ProxiedCall | undefined;
    const isMeant = (count: number): boolean => (campaign.lasting === 'once' ? count === n : count >= n);
    const plan = (call: ProxiedCall): Fault | undefined => {
      // What broke on a connection that was open for some time is sent again at once, under its number.
      if (!isMeant(call.count) || (campaign.lasting === 'once' && befallen !== undefined)) return undefined;
      // An answer without a body can tell nothing in it.
      if (fault === store.errorIn200 && call.method === 'HEAD') return undefined;
      befallen ??= call;
      return fault;
    };
    const run = attempt(errand, folder, plan, faultName in silences ? isMeant : undefined);
    const ended = await Promise.race([run, late()]);
    if (ended === undefined) {
      broken.push(`${title}: not over after ${limitMs / 1000} s`);
      return;
    }
    if (befallen !== undefined && store.forgets?.(befallen) === true) forgotten.push(befallen);
    const tell = (what: string): void => {
      broken.push(`${title} (${befallen?.method ?? 'nothing'} ${befallen?.target ?? ''}): ${what}`);
    };
    // A body that is taken for an object's cannot be asked for again, and a wrong service for tokens is a wrong setting.
    const isTaken = fault === store.errorIn200 && (errand === 'fetch' || befallen?.target.startsWith('/auth') === true);
    const mustSucceed = campaign.lasting === 'once' && !isWrong(fault) && !isTaken;
    for (const outcome of ended.outcomes) {
      const { step, error } = outcome;
      if (error !== undefined && !isTold(error)) tell(`${step} ended with ${inWords(error)}`);
      else if (error !== undefined && mustSucceed) tell(`${step} was given up: ${inWords(error)}`);
      // Listings have no checksum.
      const isUnprotected = fault === 'flip-answer' && (step === 'listing' || step === 'stat');
      if (outcome.wrong !== undefined && !isUnprotected) tell(`${step}: ${outcome.wrong}`);
    }
    if (ended.outcomes.some(({ error }) => error !== undefined)) failed += 1;
    if (errand === 'push') {
      for (const { step, error } of ended.outcomes) {
        const { before, after } = { before: step === 'replaced' ? small : undefined, after: bytesOf(step, large) };
        const found = await stored(
          storedKey({ storage: direct, codec, crypter: undefined }, `${folder}/${step}`),
        ).catch((reason: unknown) => inWords(reason));
        const isNew = found instanceof Buffer && found.equals(after);
        const isOld =
          found instanceof Buffer ? before?.equals(found) === true : found === undefined && before === undefined;
        // What was done without an answer may be there.
        if (isNew && (error === undefined || mayBeDone(fault))) continue;
        if (isOld && error !== undefined) continue;
        const shown = typeof found === 'object' ? `${found.length} bytes` : (found ?? 'nothing');
        tell(`${step} ${error === undefined ? 'succeeded' : `failed with ${inWords(error)}`}, and there is ${shown}`);
      }
    }
    if (errand === 'remove' && ended.outcomes.every(({ error }) => error === undefined)) {
      for await (const { key } of direct.list(folder, { recursive: true })) tell(`${key} is still there`);
    }
  }

  const leftBefore = (await store.unfinished()).length;
  const queue: (() => Promise<void>)[] = [];
  for (const errand of campaign.errands) {
    if (errand === 'fetch') await prepare('fetch', 'fetched');
    const clean = await attempt(errand, errand === 'fetch' ? 'fetched' : `${errand} 0`, () => undefined);
    for (const { step, error, wrong } of clean.outcomes) {
      if (error !== undefined || wrong !== undefined)
        broken.push(`${errand} without faults: ${step} ${wrong ?? inWords(error)}`);
    }
    for (let n = 1; n <= clean.requests; n += 1) {
      Object.entries(campaign.faults).forEach(([name, fault], index) => {
        if ((index + n) % (campaign.oneIn ?? 1) === 0) queue.push(() => one(errand, name, fault, n));
      });
    }
  }
  await inTurn(queue, campaign.sideBySide);
  await tidied(store, root);
  const left = (await store.unfinished()).slice(leftBefore);
  // Where the server itself forgets them, those that could not be called off as well.
  const isExcused = campaign.lasting === 'onwards' && store.forgets !== undefined;
  if (left.length > forgotten.length && !isExcused) broken.push(`unfinished uploads: ${left.join(', ')}`);
  return { cases, failed, broken };
}

let campaigns = 0;

interface Attempt {
  readonly outcomes: readonly Outcome[];
  readonly requests: number;
}

async function tidied(store: FaultedStore, root: string): Promise<void> {
  await using proxy = await startFaultProxy(store.url, () => undefined, { aheadMs: laterMs });
  const url = store.agesByAnswers === true ? proxy.url : store.url;
  await using storage = await openFaulted(store, root, { url, clock: laterClock });
  await storage.removeLeftovers('');
}

function isWrong(fault: Fault): boolean {
  return fault === 'flip-answer' || fault === 'flip-request';
}

/** The storage may have done what nobody was told of. */
function mayBeDone(fault: Fault): boolean {
  return typeof fault === 'string' && !['drop', 'hang', 'cut-request', 'flip-request'].includes(fault);
}

/** Whether it is an error that says what happened, and none of a mistake in the program. A missing object would be a lie. */
function isTold(error: unknown): boolean {
  return error instanceof ArchiverError && error.kind !== 'unexpected' && error.kind !== 'missing';
}

function inWords(error: unknown): string {
  return error instanceof ArchiverError ? `${error.kind}: ${error.message}` : String(error);
}

/** Does jobs, so many at the same time. */
async function inTurn(queue: readonly (() => Promise<void>)[], sideBySide: number): Promise<void> {
  const jobs = queue.values();
  const work = async (): Promise<void> => {
    for (const job of jobs) await job();
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
}

async function late(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, limitMs).unref());
  return undefined;
}
