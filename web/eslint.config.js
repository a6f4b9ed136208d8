import accessibility from 'eslint-plugin-vuejs-accessibility'
import tseslint from 'typescript-eslint'
import vue from 'vue-eslint-parser'

export default tseslint.config(
  { ignores: ['**/dist/**', '**/*.gen.ts', 'test-results/**', 'artefacts/**'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts', '**/*.vue'],
    rules: {
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  ...accessibility.configs['flat/recommended'].map((config) => ({ ...config, files: ['**/*.vue'] })),
  {
    files: ['**/*.vue'],
    languageOptions: { parser: vue, parserOptions: { parser: tseslint.parser, sourceType: 'module' } },
    rules: {
      'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] }, controlComponents: ['MtInput'] }],
    },
  },
  // Where a rule cannot see what a browser does; axe and the keyboard journeys look at these.
  ...[
    // What people upload has no captions.
    except('media-has-caption', 'chat/attachments/AttachmentCard'),
    // A native dialog puts the focus where it says.
    except('no-autofocus', 'chat/viewer/MTViewer'),
    // Keys and pointers that bubble up from the controls within, and a divider that has keys of its own.
    except('no-static-element-interactions', 'chat/composer/FormatBar', 'chat/composer/MTComposer', 'chat/emoji/EmojiPicker', 'chat/transcript/MTTranscript', 'chat/viewer/MTViewer', 'header/MessageSearch', 'parts/PaneDivider', 'primitives/MtDialog', 'shell/ChatFrame'),
    // Their keys are heard by the field, by the list and by the dialog itself.
    except('click-events-have-key-events', 'chat/composer/MTComposer', 'list/DialogRow', 'primitives/MtDialog'),
    // The focus stays in the field, or goes to one row, one tab at a time.
    except('interactive-supports-focus', 'chat/composer/MTComposer', 'chat/emoji/EmojiPicker', 'list/DialogRow', 'primitives/MtTabs'),
    // Named by code, by whoever uses it, or hidden.
    except('form-control-has-label', 'chat/composer/MTComposer', 'primitives/MtInput'),
  ],
)

function except(rule, ...components) {
  return { files: components.map((name) => `packages/vue/src/${name}.vue`), rules: { [`vuejs-accessibility/${rule}`]: 'off' } }
}
