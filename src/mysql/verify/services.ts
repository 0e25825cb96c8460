/** What verifying an archive of MySQL needs. */
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';

/** Who helps. */
export interface VerifyServices {
  /** Of one storage. */
  readonly transport: Transport;
  /** How often the reading of an object is begun, from 1. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}
