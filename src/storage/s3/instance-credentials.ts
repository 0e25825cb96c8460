/** The metadata service of an instance, asked alone. The chain of AWS asks it by itself, after all others. */
import { fromInstanceMetadata } from '@smithy/credential-provider-imds';
import type { AwsCredentials } from './credentials.ts';

/** How long to wait for each answer, and how often to ask again. */
export interface InstancePatience {
  readonly timeout: number;
  readonly maxRetries: number;
}

/** The credentials of the role of this instance. @throws an error of the SDK */
export function instanceCredentials(patience: InstancePatience): Promise<AwsCredentials> {
  return fromInstanceMetadata(patience)();
}
