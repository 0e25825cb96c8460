/**
 * When a storage counts as alive: a moving average over what it was asked for and what it did, as `storages.md` 9.3 of
 * the specification has it. Pure numbers; where they are kept is `status-cache.ts`.
 */
import { ArchiverError } from '../../errors.ts';
import type { Settings } from '../../config/setting.ts';
import type { failoverSettings } from './settings.ts';

/** What is known of one storage. */
export interface Aliveness {
  /** What it would have if all had succeeded. */
  readonly potential: number;
  readonly actual: number;
  readonly alive: boolean;
  readonly updated: Date;
}

/** The limits and weights of the average. */
export type AlivenessLimits = Pick<
  Settings<typeof failoverSettings>,
  'aliveLimit' | 'deadLimit' | 'alphaAliveMin' | 'alphaAliveMax' | 'alphaDeadMin' | 'alphaDeadMax'
>;

/** Of a storage of which nothing is known yet; that of the lightest operation that moves bytes. */
const firstPotential = 1000;

/** @throws ArchiverError (`config`) when the limits contradict one another */
export function checkLimits(limits: AlivenessLimits): void {
  const { aliveLimit, deadLimit, alphaAliveMin, alphaAliveMax, alphaDeadMin, alphaDeadMax } = limits;
  const wrong =
    aliveLimit < deadLimit
      ? 'ALIVE_LIMIT is less than …_DEAD_LIMIT'
      : alphaAliveMin > alphaAliveMax
        ? 'ALPHA_ALIVE_MIN is more than …_ALPHA_ALIVE_MAX'
        : alphaDeadMin > alphaDeadMax
          ? 'ALPHA_DEAD_MIN is more than …_ALPHA_DEAD_MAX'
          : undefined;
  if (wrong === undefined) return;
  throw new ArchiverError('config', `WALG_FAILOVER_STORAGES_CACHE_EMA_${wrong}`, {
    hint: 'Correct one of the two, or remove both to use the defaults.',
  });
}

/** After a check. */
export function afterCheck(before: Aliveness | undefined, succeeded: boolean, now: Date): Aliveness {
  const potential = (before?.potential ?? 0) > 0 ? (before?.potential ?? 0) : firstPotential;
  return { potential, actual: succeeded ? potential : 0, alive: succeeded, updated: now };
}

/**
 * After an operation.
 *
 * @param operation.weight see {@link weightOf}
 */
export function afterOperation(
  before: Aliveness,
  { weight, succeeded }: { readonly weight: number; readonly succeeded: boolean },
  limits: AlivenessLimits,
  now: Date,
): Aliveness {
  const alpha = alphaOf(before, limits);
  const moved = (old: number, value: number): number => alpha * value + (1 - alpha) * old;
  const potential = moved(before.potential, weight);
  const actual = moved(before.actual, succeeded ? weight : 0);
  const limit = before.alive ? limits.deadLimit : limits.aliveLimit;
  return { potential, actual, alive: factorOf({ potential, actual }, limits) >= limit, updated: now };
}

function factorOf({ potential, actual }: Pick<Aliveness, 'potential' | 'actual'>, limits: AlivenessLimits): number {
  return potential === 0 && actual === 0 ? limits.deadLimit : actual / potential;
}

/** The nearer to a change, the more the newest operation weighs; of a dead storage, the deader it is. */
function alphaOf(status: Aliveness, limits: AlivenessLimits): number {
  const factor = factorOf(status, limits);
  if (status.alive) {
    return between(limits.alphaAliveMax, limits.alphaAliveMin, (factor - limits.deadLimit) / (1 - limits.deadLimit));
  }
  return between(limits.alphaDeadMax, limits.alphaDeadMin, factor / limits.aliveLimit);
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * Math.min(1, Math.max(0, share));
}

const mib = 1024 * 1024;

/** How much an operation says about a storage: more the more it moves. */
export function weightOf(
  operation:
    | { readonly verb: 'stat' | 'list' | 'copy' }
    | { readonly verb: 'read' | 'write'; readonly bytes: number }
    | { readonly verb: 'delete'; readonly files: number },
): number {
  switch (operation.verb) {
    case 'stat':
      return 1000;
    case 'list':
    case 'copy':
      return 2000;
    case 'read':
    case 'write':
      return 1000 * growth(operation.bytes / mib);
    case 'delete':
      return 500 * growth(operation.files);
  }
}

function growth(scale: number): number {
  return scale > 1 ? 1 + Math.log10(scale) : 1;
}
