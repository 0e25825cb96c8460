/** Reads a copy back and compares it with the source, byte for byte; what was encoded anew is decoded on both sides. */
import { CorruptError } from '../../errors.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { readDecoded } from '../../pipeline/transport.ts';
import type { Key } from '../../storage/storage.ts';
import { isEncoded, isPartial } from './copied-names.ts';
import type { CopiedObject } from './copied-object.ts';
import { ObjectCopier, type CopyOptions } from './object-copier.ts';
import type { CopyPlan } from './plan.ts';
import { haveSameBytes } from './same-content.ts';

/**
 * Compares all parts and all logs but partial segments, which change, and `also` what is told to be the same; other JSON may
 * rightly differ.
 *
 * @returns how many objects were compared
 * @throws CorruptError naming the first that differs; the storages' errors
 */
export async function verifyCopy(
  plan: CopyPlan,
  options: CopyOptions,
  { also = [] }: { readonly also?: readonly CopiedObject[] } = {},
): Promise<number> {
  const { reencode, concurrency } = options;
  const copier = new ObjectCopier(options);
  const logs = plan.logs.filter(({ to }) => !isPartial(to));
  const objects = [...plan.backups.flatMap(({ parts }) => parts), ...logs, ...also];
  const differing: Key[] = [];
  await mapConcurrently(objects, concurrency, async (one) => {
    const ours = reencode && isEncoded(one.to) ? copier.readDecoded(one) : copier.read(one);
    if (!(await haveSameBytes(ours, await targetBytes(one, options)))) differing.push(one.to);
  });
  const [first] = differing;
  if (first !== undefined) {
    const others = differing.length === 1 ? '' : `, and ${differing.length - 1} more`;
    throw new CorruptError(`the target differs from the source: "${first}"${others}`, {
      hint: 'Remove what differs from the target and copy again.',
    });
  }
  return objects.length;
}

async function targetBytes({ to }: CopiedObject, { target, reencode, signal }: CopyOptions): Promise<ByteSource> {
  return reencode && isEncoded(to) ? readDecoded(target, to, { signal }) : target.storage.read(to, { signal });
}
