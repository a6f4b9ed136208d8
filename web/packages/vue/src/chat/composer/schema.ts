/** What a message may hold: the tags of the contract and nothing else. */
import { Schema, type DOMOutputSpec, type MarkSpec, type Node, type NodeSpec } from 'prosemirror-model'
import { httpUrl } from '../transcript/html'

const block = (tag: string): DOMOutputSpec => [tag, 0]

const nodes: Record<string, NodeSpec> = {
  doc: { content: 'block+' },
  paragraph: { content: 'inline*', group: 'block', parseDOM: [{ tag: 'p' }], toDOM: () => block('p') },
  blockquote: { content: 'block+', group: 'block', defining: true, parseDOM: [{ tag: 'blockquote' }], toDOM: () => block('blockquote') },
  code_block: {
    content: 'text*', marks: '', group: 'block', code: true, defining: true,
    parseDOM: [{ tag: 'pre', preserveWhitespace: 'full' }],
    toDOM: () => ['pre', ['code', 0]],
  },
  ordered_list: { content: 'list_item+', group: 'block', parseDOM: [{ tag: 'ol' }], toDOM: () => block('ol') },
  bullet_list: { content: 'list_item+', group: 'block', parseDOM: [{ tag: 'ul' }], toDOM: () => block('ul') },
  list_item: { content: 'paragraph block*', defining: true, parseDOM: [{ tag: 'li' }], toDOM: () => block('li') },
  text: { group: 'inline' },
  hard_break: { inline: true, group: 'inline', selectable: false, parseDOM: [{ tag: 'br' }], toDOM: () => ['br'], leafText: () => '\n' },
  mention: {
    inline: true, group: 'inline', atom: true, selectable: false,
    attrs: { id: { validate: 'string' }, label: { validate: 'string' } },
    leafText: (node: Node) => `@${String(node.attrs['label'])}`,
    parseDOM: [{
      tag: 'span[data-type="mention"][data-id]',
      getAttrs: (span: HTMLElement) => ({
        id: span.getAttribute('data-id') ?? '',
        label: span.getAttribute('data-label') ?? span.textContent?.replace(/^@/, '') ?? '',
      }),
    }],
    toDOM: (node: Node) => ['span', {
      'data-type': 'mention',
      'data-id': String(node.attrs['id']),
      'data-label': String(node.attrs['label']),
      class: 'mtchat-mention',
    }, `@${String(node.attrs['label'])}`],
  },
}

const mark = (tag: string, ...others: string[]): MarkSpec => ({
  parseDOM: [tag, ...others].map((name) => ({ tag: name })),
  toDOM: () => [tag, 0],
})

const marks: Record<string, MarkSpec> = {
  link: {
    attrs: { href: { validate: 'string' } },
    inclusive: false,
    parseDOM: [{
      tag: 'a[href]',
      getAttrs: (link: HTMLElement) => {
        const url = httpUrl(link.getAttribute('href'))
        return url ? { href: url.href } : false
      },
    }],
    toDOM: (mark) => ['a', { href: String(mark.attrs['href']) }, 0],
  },
  strong: mark('strong', 'b'),
  em: mark('em', 'i'),
  underline: mark('u'),
  strike: mark('s', 'strike'),
  code: { ...mark('code'), code: true, excludes: '_' },
}

export const schema = new Schema({ nodes, marks })
