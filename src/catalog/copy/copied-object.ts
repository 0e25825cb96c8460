/** Where the objects of an archive go in another one, and what of them is there already. Pure. */
import { ArchiverError } from '../../errors.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { isEncoded, isPartial, logicalKey } from './copied-names.ts';

/** One object to be copied, or found to be there. */
export interface CopiedObject {
  readonly object: ObjectInfo;
  /** Of which inventory it is. */
  readonly source: number;
  /** Its key in the target. */
  readonly to: Key;
  /**
   * `absent`: it is to be written. `present`: of the right size. `unproven`: re-encoded objects have sizes of their own, so
   * that their content is looked at.
   */
  readonly state: 'absent' | 'present' | 'unproven';
}

/** Objects of the target that are not what the copy would write there. */
export class TargetDiffersError extends ArchiverError {
  constructor(differences: readonly string[]) {
    const [first = ''] = differences;
    const others = differences.length === 1 ? '' : `, and ${differences.length - 1} more`;
    super('cannotWrite', `the target holds other objects than the source: ${first}${others}`, {
      hint: 'Nothing was copied. Copy to an empty prefix, or look which is right and remove the other.',
    });
  }
}

/** What decides where objects go. */
export interface PlacingOptions {
  /** Everything below the prefix of the target, by key. */
  readonly target: ReadonlyMap<Key, ObjectInfo>;
  /** The key in the target when objects are encoded anew; undefined: they are copied as they are. */
  readonly reencodedKey: ((key: Key) => Key) | undefined;
  /** The key in the target where that is not the one in the source, before it is encoded anew. */
  readonly renamedKey?: ((key: Key) => Key) | undefined;
  /** An object that tells of names and sizes, so that a copy that changes those writes another one. */
  readonly isNote: (key: Key) => boolean;
  /** An object that may differ of a backup that is complete in the target: each archive says for itself what is permanent. */
  readonly mayDiffer: (key: Key) => boolean;
  /** Takes what is in the way, in words. */
  readonly differences: string[];
}

/** Says where an object of a source goes; `isComplete`: it is of a backup that the target has the sentinel of. */
export type Place = (object: ObjectInfo, source: number, backup: { readonly isComplete: boolean }) => CopiedObject;

/** How objects are placed. */
export function placing(options: PlacingOptions): Place {
  const { target, reencodedKey, renamedKey, isNote, mayDiffer, differences } = options;
  const byLogicalKey = new Map<Key, Key>();
  for (const key of target.keys()) byLogicalKey.set(logicalKey(key), key);
  return (object, source, { isComplete }) => {
    const renamed = renamedKey === undefined ? object.key : renamedKey(object.key);
    const to = reencodedKey === undefined ? renamed : reencodedKey(renamed);
    const there = target.get(to);
    const other = byLogicalKey.get(logicalKey(to));
    if (there === undefined) {
      if (other !== undefined) differences.push(`"${other}", which would be "${to}"`);
      return { object, source, to, state: 'absent' };
    }
    if (isPartial(to)) return { object, source, to, state: 'absent' };
    const isRewritten = reencodedKey !== undefined || renamed !== object.key;
    if ((reencodedKey !== undefined && isEncoded(to)) || (isRewritten && isNote(to))) {
      return { object, source, to, state: isComplete ? 'present' : 'unproven' };
    }
    if (there.sizeBytes === object.sizeBytes) return { object, source, to, state: 'present' };
    if (isComplete && mayDiffer(to)) return { object, source, to, state: 'present' };
    differences.push(`"${to}" (${there.sizeBytes} bytes instead of ${object.sizeBytes})`);
    return { object, source, to, state: 'present' };
  };
}
