/** The proxies that the settings name. */
import type { RawSettings } from '../config/setting.ts';

const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case, for an HTTP client; undefined when no proxy is named. */
export function proxiesOf(raw: RawSettings): Readonly<Record<string, string>> | undefined {
  const found = names.flatMap((name) =>
    [name.toLowerCase(), name].flatMap((spelling) => {
      const text = raw.get(spelling)?.text;
      return text === undefined ? [] : [[spelling, text] as const];
    }),
  );
  return found.some(([name]) => !/^no_proxy$/i.test(name)) ? Object.fromEntries(found) : undefined;
}
