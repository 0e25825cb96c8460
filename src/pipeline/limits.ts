/** Limits of the settings, as what they limit. */
import { createRateLimiter, type RateLimiter } from '../bytes/rate-limiter.ts';
import { withRateLimit } from '../storage/rate-limit.ts';
import type { Transport } from './transport.ts';

/** Undefined: no limit. */
export function limiterOf(bytesPerSecond: number | undefined): RateLimiter | undefined {
  return bytesPerSecond === undefined ? undefined : createRateLimiter(bytesPerSecond);
}

/** The transport, limited in what it sends and receives. */
export function withNetworkLimit(transport: Transport, limiter: RateLimiter | undefined): Transport {
  return limiter === undefined ? transport : { ...transport, storage: withRateLimit(transport.storage, limiter) };
}
