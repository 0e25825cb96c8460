import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import { proxiesOf } from '../../../src/network/proxies.ts';

describe('proxies', () => {
  it('are those that the settings name, in either spelling', () => {
    const named = { HTTPS_PROXY: 'http://proxy:1', no_proxy: 'localhost' };
    expect(proxiesOf(rawSettings({ ...named, OTHER: 'x' }))).toEqual(named);
  });

  it('are none where only exceptions are named', () => {
    expect(proxiesOf(rawSettings({ NO_PROXY: 'localhost' }))).toBeUndefined();
  });
});
