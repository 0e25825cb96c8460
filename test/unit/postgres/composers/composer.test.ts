import { describe, expect, it } from 'vitest';
import { composerOf } from '../../../../src/postgres/composers/composer.ts';

const none = { rating: false, database: false, copy: false };
const recorded = { filesMetadataDisabled: false };

describe('choosing a composer', () => {
  it('takes copy before database before rating, and the regular one when none is asked for', () => {
    expect(composerOf({ rating: true, database: true, copy: true }, recorded)).toBe('copy');
    expect(composerOf({ rating: true, database: true, copy: false }, recorded)).toBe('database');
    expect(composerOf({ ...none, rating: true }, recorded)).toBe('rating');
    expect(composerOf(none, recorded)).toBe('regular');
  });

  it('refuses all but the regular one without files metadata, and names what to leave out', () => {
    const disabled = { filesMetadataDisabled: true };
    expect(composerOf(none, disabled)).toBe('regular');
    expect(() => composerOf({ ...none, copy: true }, disabled)).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringContaining('WALG_USE_COPY_COMPOSER') as unknown }),
    );
  });
});
