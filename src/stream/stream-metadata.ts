/** `stream_metadata.json`: how to put the parts of a stream together again. Format: `mysql.md` 6 of the specification. */
import { JsonFields } from '../catalog/json-fields.ts';
import { stringifyJson } from '../catalog/json.ts';
import { CorruptError } from '../errors.ts';
import type { SplitLayout } from './layout.ts';

/** What it says of a stream; `partitions` 0 when it does not tell. */
export type StreamMetadata =
  { readonly kind: 'single' } | ({ readonly kind: 'split' } & Pick<SplitLayout, 'partitions' | 'blockBytes'>);

/** Far beyond what anybody has, for the memory that each takes. */
const mostPartitions = 10_000;
const splitType = 'SPLIT_MERGE_STREAM_BACKUP';

/** @param extension of the objects, without the dot; empty when they are not compressed */
export function formatStreamMetadata({ partitions, blockBytes }: SplitLayout, extension: string): string {
  return stringifyJson({
    type: splitType,
    partitions,
    block_size: blockBytes,
    ...(extension === '' ? {} : { compression: extension }),
  });
}

/** @throws CorruptError when it is malformed, or of a type that nobody knows */
export function parseStreamMetadata(text: string, what: string): StreamMetadata {
  const fields = JsonFields.parse(text, what);
  const type = fields.text('type') ?? '';
  if (type === '' || type === 'STREAM_BACKUP') return { kind: 'single' };
  if (type !== splitType) throw new CorruptError(`${what} is of an unknown type: ${JSON.stringify(type)}`);
  const blockBytes = fields.required('block_size', fields.count('block_size'));
  if (blockBytes === 0) throw new CorruptError(`${what} has a block size of 0`);
  const partitions = fields.count('partitions') ?? 0;
  if (partitions > mostPartitions) throw new CorruptError(`${what} has ${partitions} partitions`);
  return { kind: 'split', partitions, blockBytes };
}
