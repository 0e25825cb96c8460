import tseslint from 'typescript-eslint';

const outsideMain = 'only src/main.ts touches the process; pass the value in';

export default tseslint.config(
  { ignores: ['dist', 'assembly', 'coverage', 'test/fixtures', '.cache', 'testtools/servers/node_modules'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allow: ['bigint'] },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Numeric and bigint brands are made by assertion in one place each.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: outsideMain },
        { object: 'process', property: 'exit', message: outsideMain },
        { object: 'process', property: 'argv', message: outsideMain },
      ],
      'no-console': 'error',
    },
  },
  {
    files: ['test/**/*.ts', 'testtools/**/*.ts', 'scripts/**/*.ts', '*.config.ts', 'eslint.config.js'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Its walk over recursive types (those of fast-check) never ends.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
