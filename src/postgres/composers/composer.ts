/**
 * Composers decide which file goes into which part of a backup. Any distribution is restored alike; they differ in what
 * later runs can leave out. See docs/composers.md.
 */
import { ArchiverError } from '../../errors.ts';

/** By walk, by update rates, by database, or by what an earlier backup has. */
export type ComposerName = 'regular' | 'rating' | 'database' | 'copy';

/** Which composers are asked for, by flags or settings. */
export interface ComposerWishes {
  readonly rating: boolean;
  readonly database: boolean;
  readonly copy: boolean;
}

/**
 * The composer to use: of several that are asked for, copy goes before database before rating.
 *
 * @throws ArchiverError (kind `usage`) for another than the regular one without files metadata
 */
export function composerOf(
  wishes: ComposerWishes,
  { filesMetadataDisabled }: { readonly filesMetadataDisabled: boolean },
): ComposerName {
  const name = (['copy', 'database', 'rating'] as const).find((one) => wishes[one]) ?? 'regular';
  if (name !== 'regular' && filesMetadataDisabled) {
    throw new ArchiverError('usage', `the ${name} composer needs files metadata`, {
      hint: `Leave out either --without-files-metadata (WALG_WITHOUT_FILES_METADATA) or --${name}-composer (WALG_USE_${name.toUpperCase()}_COMPOSER).`,
    });
  }
  return name;
}
