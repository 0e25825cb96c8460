/** The settings as documentation: `docs/settings.md`, the list of `walvault flags`, the dump of the log. */
import type { RawSettings, Setting, SettingGroup } from './setting.ts';
import { shownValue } from './shown.ts';

/** Settings that belong together, with a heading. */
export interface SettingSection {
  readonly title: string;
  readonly groups: readonly SettingGroup[];
}

/** The settings of a section, in the order of their declaration. */
export function settingsOf({ groups }: SettingSection): readonly Setting<unknown>[] {
  return groups.flatMap((group) => Object.values(group));
}

/** The flag of a setting: `WALG_FILE_PREFIX` → `--walg-file-prefix`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** The setting a flag names, without its dashes: `walg-file-prefix` → `WALG_FILE_PREFIX`. */
export function settingOfFlag(flag: string): string {
  return flag.toUpperCase().replaceAll('-', '_');
}

/** The reference in Markdown. `later` are names that are accepted and not used yet. */
export function settingsMarkdown(sections: readonly SettingSection[], later: readonly string[]): string {
  const lines = [
    '# Settings',
    '',
    '<!-- Made by `make docs` from the declarations in the source; do not edit. -->',
    '',
    'Every setting is an environment variable, a key of the configuration file, and a flag of the same name in lower case',
    'with dashes (`WALG_FILE_PREFIX`, `--walg-file-prefix`). A flag wins over the environment, the environment over the file,',
    'the file over the default; an empty value counts as unset. The file is `--config FILE`, else `WALG_CONFIG_PATH`, else',
    '`~/.walg.json` (also `.toml`, `.yaml`, `.yml`, `.env`). An invalid value ends the run; an unknown `WALG_` name is a',
    'warning.',
    '',
    'Durations are written `30s`, `5m`, `1h30m`; booleans `true`/`false`, also `t f 1 0`; sizes and rates are plain numbers.',
  ];
  for (const section of sections) {
    lines.push('', `## ${section.title}`, '', '| setting | type | default | meaning |', '|---|---|---|---|');
    for (const one of settingsOf(section)) {
      const { env, parser, defaultText, unit } = one;
      const type = unit === undefined ? parser.type : `${parser.type}, ${unit}`;
      const fallback = defaultText === undefined ? '–' : `\`${defaultText}\``;
      lines.push(`| \`${env}\` | ${cell(type)} | ${cell(fallback)} | ${cell(meaning(one))} |`);
    }
  }
  lines.push('', '## Known, not used by this version', '');
  lines.push("WAL-G's settings for what this version does not have are accepted without a warning:", '');
  lines.push(later.map((name) => `\`${name}\``).join(', '), '');
  return lines.join('\n');
}

/** The list of `walvault flags`. */
export function settingsText(sections: readonly SettingSection[]): string {
  const lines: string[] = [];
  for (const section of sections) {
    lines.push(`${section.title}:`);
    for (const one of settingsOf(section)) {
      const fallback = one.defaultText === undefined ? '' : ` (default ${one.defaultText})`;
      lines.push(`  ${flagOf(one.env)} <${one.unit ?? one.parser.type}>${fallback}`, `      ${meaning(one)}`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

/** `name=value` of everything in effect, secrets masked: what is set, and the defaults of the rest. */
export function effectiveSettings(
  sections: readonly SettingSection[],
  raw: RawSettings,
): readonly { readonly name: string; readonly value: string; readonly origin: string }[] {
  return sections
    .flatMap(settingsOf)
    .flatMap((one) => {
      const name = [one.env, ...one.aliases].find((candidate) => raw.get(candidate) !== undefined);
      const found = name === undefined ? undefined : raw.get(name);
      if (name === undefined || found === undefined) {
        return one.defaultText === undefined ? [] : [{ name: one.env, value: one.defaultText, origin: 'default' }];
      }
      return [{ name, value: shownValue(one, found.text), origin: found.origin }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function meaning({ text, aliases }: Setting<unknown>): string {
  return aliases.length === 0 ? text : `${text} Also ${aliases.join(', ')}.`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
