/** The rich editor. Loaded on its own; everything it needs of ProseMirror is in this chunk. */
import { baseKeymap, chainCommands, exitCode, lift, newlineInCode, setBlockType, toggleMark, wrapIn } from 'prosemirror-commands'
import { history, redo, undo } from 'prosemirror-history'
import { InputRule, inputRules, textblockTypeInputRule, undoInputRule, wrappingInputRule } from 'prosemirror-inputrules'
import { keymap } from 'prosemirror-keymap'
import { DOMParser, DOMSerializer, Fragment, Slice, type MarkType, type Node, type NodeType } from 'prosemirror-model'
import { liftListItem, sinkListItem, splitListItem, wrapInList } from 'prosemirror-schema-list'
import { EditorState, Selection, TextSelection, type Command, type Plugin } from 'prosemirror-state'
import { EditorView } from 'prosemirror-view'
import { httpUrl } from '../transcript/html'
import { safeFragment } from '../transcript/purify'
import { filesOf, type Field, type FieldOptions } from './field'
import { schema } from './schema'

export interface RichOptions extends FieldOptions {
  /** What the plain field held, and where the caret was in it. */
  readonly from?: { readonly text: string; readonly caret: number; readonly isFocused: boolean }
  /** The word after an `@` before the caret, or null. */
  onMention(query: string | null): void
  onLink(): void
}

export type Format =
  | 'bold' | 'italic' | 'underline' | 'strikethrough' | 'code' | 'link'
  | 'bulletList' | 'numberedList' | 'quote' | 'codeBlock' | 'clear' | 'undo' | 'redo'

export interface RichField extends Field {
  readonly kind: 'rich'
  format(name: Exclude<Format, 'link'>): void
  isActive(name: Format): boolean
  /** Where the link at the caret leads; "" where there is none. */
  link(): string
  /** "" takes the link away. */
  setLink(address: string): void
  mention(id: string, label: string): void
}

const n = schema.nodes as Record<
  'doc' | 'paragraph' | 'blockquote' | 'code_block' | 'ordered_list' | 'bullet_list' | 'list_item' | 'hard_break' | 'mention', NodeType>
const m = schema.marks as Record<'link' | 'strong' | 'em' | 'underline' | 'strike' | 'code', MarkType>
const MENTION = /(?:^|[\s(])@([^\s@]{0,40})$/u

/** "\n\n" starts a paragraph and "\n" is a break, so a place in the text is the same place in the document, plus one. */
function docOfText(text: string): Node {
  const paragraphs = text.split('\n\n').map((part) => {
    const inline: Node[] = []
    part.split('\n').forEach((line, at) => {
      if (at > 0) inline.push(n.hard_break.create())
      if (line) inline.push(schema.text(line))
    })
    return n.paragraph.create(null, inline)
  })
  return n.doc.create(null, paragraphs)
}

const parser = DOMParser.fromSchema(schema)
const serializer = DOMSerializer.fromSchema(schema)

function hasMention(node: Node): boolean {
  let found = false
  node.descendants((child) => {
    found ||= child.type === n.mention
  })
  return found
}

/** "" when there is nothing to read. Empty paragraphs around the text are not sent. */
function htmlOfDoc(doc: Node): string {
  const blocks: Node[] = []
  doc.forEach((block) => blocks.push(block))
  const isBlank = (block: Node | undefined) => !!block && !block.textContent.trim() && !hasMention(block)
  while (isBlank(blocks[0])) blocks.shift()
  while (isBlank(blocks.at(-1))) blocks.pop()
  if (blocks.length === 0) return ''
  const holder = document.createElement('div')
  holder.append(serializer.serializeFragment(Fragment.from(blocks)))
  return holder.innerHTML
}

/** `**bold**` and its like: the text between the signs gets *type* once the closing ones are typed. */
function markRule(pattern: RegExp, type: MarkType): InputRule {
  return new InputRule(pattern, (state, match, start, end) => {
    const [, before = '', text = ''] = match
    if (!text.trim() || state.doc.rangeHasMark(start, end, m.code)) return null
    const from = start + before.length
    const marks = type.create().addToSet(state.doc.resolve(from).marks())
    return state.tr.replaceWith(from, end, schema.text(text, marks)).removeStoredMark(type)
  })
}

const linkRule = new InputRule(/(^|\s)(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}])(\s)$/, (state, match, start, end) => {
  const [, before = '', address = '', space = ''] = match
  const from = start + before.length
  return state.tr.addMark(from, from + address.length, m.link.create({ href: address })).insertText(space, end).removeStoredMark(m.link)
})

const rules = inputRules({
  rules: [
    markRule(/(^|[^*])\*\*([^*\s](?:[^*]*[^*\s])?)\*\*$/, m.strong),
    markRule(/(^|[^*])\*([^*\s](?:[^*]*[^*\s])?)\*$/, m.em),
    markRule(/(^|[^\p{L}\p{N}_])_([^_\s](?:[^_]*[^_\s])?)_$/u, m.em),
    markRule(/(^|[^~])~~([^~\s](?:[^~]*[^~\s])?)~~$/, m.strike),
    markRule(/(^|[^`])`([^`]+)`$/, m.code),
    linkRule,
    wrappingInputRule(/^\s*>\s$/, n.blockquote),
    wrappingInputRule(/^\s*[-+*]\s$/, n.bullet_list),
    wrappingInputRule(/^1\.\s$/, n.ordered_list),
    textblockTypeInputRule(/^```$/, n.code_block),
  ],
})

const breakLine: Command = (state, dispatch) => {
  dispatch?.(state.tr.replaceSelectionWith(n.hard_break.create()).scrollIntoView())
  return true
}

/** Enter where it does not send, and Shift+Enter where it does. */
const newLine = chainCommands(newlineInCode, splitListItem(n.list_item), liftListItem(n.list_item), breakLine)

function isInside(state: EditorState, type: NodeType): boolean {
  const { $from } = state.selection
  for (let depth = $from.depth; depth > 0; depth -= 1) if ($from.node(depth).type === type) return true
  return false
}

const toggleList = (type: NodeType): Command => (state, dispatch) =>
  (isInside(state, type) ? liftListItem(n.list_item) : wrapInList(type))(state, dispatch)
const toggleQuote: Command = (state, dispatch) => (isInside(state, n.blockquote) ? lift : wrapIn(n.blockquote))(state, dispatch)
const toggleCodeBlock: Command = (state, dispatch) =>
  setBlockType(isInside(state, n.code_block) ? n.paragraph : n.code_block)(state, dispatch)
const clear: Command = (state, dispatch) => {
  const { from, to, empty } = state.selection
  dispatch?.(empty ? state.tr.setStoredMarks([]) : state.tr.removeMark(from, to))
  return true
}

const commands: Record<Exclude<Format, 'link'>, Command> = {
  bold: toggleMark(m.strong),
  italic: toggleMark(m.em),
  underline: toggleMark(m.underline),
  strikethrough: toggleMark(m.strike),
  code: toggleMark(m.code),
  bulletList: toggleList(n.bullet_list),
  numberedList: toggleList(n.ordered_list),
  quote: toggleQuote,
  codeBlock: toggleCodeBlock,
  clear,
  undo,
  redo,
}

function linkAround(state: EditorState): { from: number; to: number } | null {
  const { $from } = state.selection
  const mark = m.link.isInSet($from.marks())
  if (!mark) return null
  let range: { from: number; to: number } | null = null
  $from.parent.forEach((child, offset) => {
    const from = $from.start() + offset
    const to = from + child.nodeSize
    if (mark.isInSet(child.marks) && from <= $from.pos && to >= $from.pos) range = { from, to }
  })
  return range
}

export function createRichField(host: HTMLElement, options: RichOptions): RichField {
  let isPlainPaste = false
  let { label, placeholder } = options
  const aria: Record<string, string> = {}

  const plugins: Plugin[] = [
    rules,
    keymap({
      'Mod-b': commands.bold,
      'Mod-i': commands.italic,
      'Mod-u': commands.underline,
      'Mod-e': commands.code,
      'Mod-Shift-s': commands.strikethrough,
      'Mod-Shift-c': commands.codeBlock,
      'Mod-Shift-7': commands.numberedList,
      'Mod-Shift-8': commands.bulletList,
      'Mod-Shift-9': commands.quote,
      'Mod-\\': clear,
      'Mod-Shift-l': () => {
        options.onLink()
        return true
      },
      'Mod-z': undo,
      'Mod-y': redo,
      'Mod-Shift-z': redo,
      'Mod-]': sinkListItem(n.list_item),
      'Mod-[': liftListItem(n.list_item),
      Backspace: undoInputRule,
      Enter: newLine,
      'Shift-Enter': newLine,
      'Mod-Enter': chainCommands(exitCode, newLine),
    }),
    keymap(baseKeymap),
    history(),
  ]
  const fresh = (doc: Node, selection: Selection = Selection.atEnd(doc)) => EditorState.create({ doc, plugins, selection })

  const start = docOfText(options.from?.text ?? '')
  const caret = Selection.near(start.resolve(Math.min((options.from?.caret ?? 0) + 1, start.content.size)))

  const view: EditorView = new EditorView({ mount: host }, {
    state: fresh(start, caret),
    attributes: (state) => ({
      class: state.doc.childCount === 1 && state.doc.firstChild?.content.size === 0 ? 'mtchat-editor mtchat-editor--empty' : 'mtchat-editor',
      role: 'textbox',
      'aria-multiline': 'true',
      'aria-label': label,
      'data-placeholder': placeholder,
      dir: 'auto',
      ...aria,
    }),
    dispatchTransaction(transaction) {
      view.updateState(view.state.apply(transaction))
      if (transaction.docChanged) options.onChange()
      if (transaction.docChanged || transaction.selectionSet) tellCaret()
    },
    handleKeyDown(_, event) {
      isPlainPaste = event.shiftKey && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'v'
      return options.onKey(event, view.composing)
    },
    // Before ProseMirror's own, which parses the clipboard under a Trusted Types policy of another name.
    handleDOMEvents: {
      paste(_, event) {
        event.preventDefault()
        insert(event.clipboardData, isPlainPaste)
        return true
      },
      drop(_, event) {
        // What is dragged inside of the editor ProseMirror moves itself; files go to the pane around.
        if (view.dragging) return false
        if (filesOf(event.dataTransfer).length) return true
        event.preventDefault()
        const at = view.posAtCoords({ left: event.clientX, top: event.clientY })
        if (at) view.dispatch(view.state.tr.setSelection(TextSelection.near(view.state.doc.resolve(at.pos))))
        insert(event.dataTransfer, false)
        return true
      },
      focus: () => void options.onFocus(),
      blur: () => void options.onBlur(),
    },
  })

  function insert(data: DataTransfer | null, isPlain: boolean): void {
    const files = filesOf(data)
    if (files.length) return options.onFiles(files)
    const { state } = view
    const isCode = isInside(state, n.code_block)
    const text = (data?.getData('text/plain') ?? '').replace(/\r\n?/g, '\n')
    const html = isPlain || isCode ? '' : (data?.getData('text/html') ?? '')
    const url = isPlain || isCode || /\s/.test(text.trim()) ? null : httpUrl(text.trim())
    if (url) {
      const link = m.link.create({ href: url.href })
      const { empty, from, to } = state.selection
      view.dispatch((empty
        ? state.tr.replaceSelectionWith(schema.text(text.trim(), [link]), false)
        : state.tr.addMark(from, to, link)).scrollIntoView())
    } else if (html) {
      view.dispatch(state.tr.replaceSelection(parser.parseSlice(safeFragment(html))).scrollIntoView())
    } else if (text && isCode) {
      view.dispatch(state.tr.insertText(text).scrollIntoView())
    } else if (text) {
      view.dispatch(state.tr.replaceSelection(new Slice(docOfText(text).content, 1, 1)).scrollIntoView())
    }
  }

  /** A character of it is a place in the document. "" in code, and where something is chosen. */
  function before(): string {
    const { $from, empty } = view.state.selection
    if (!empty || $from.parent.type.spec.code || m.code.isInSet($from.marks())) return ''
    return $from.parent.textBetween(Math.max(0, $from.parentOffset - 60), $from.parentOffset, '\n', '\uFFFC')
  }

  function tellCaret(): void {
    options.onMention(mentionAt()?.query ?? null)
    options.onCaret(before())
  }

  function mentionAt(): { query: string; from: number; to: number } | null {
    const { $from } = view.state.selection
    const match = MENTION.exec(before())
    if (!match) return null
    const query = match[1] ?? ''
    return { query, from: $from.pos - query.length - 1, to: $from.pos }
  }

  /** The attributes are asked for anew. */
  const refresh = () => view.setProps({})

  if (options.from?.isFocused) view.focus()

  return {
    kind: 'rich',
    focus: () => view.focus(),
    html: () => htmlOfDoc(view.state.doc),
    setHtml(html) {
      view.updateState(fresh(parser.parse(safeFragment(html))))
      options.onChange()
      tellCaret()
    },
    insert(text, length = 0) {
      const { from, to } = view.state.selection
      view.dispatch(view.state.tr.insertText(text, from - length, to).scrollIntoView())
      view.focus()
    },
    isEmpty: () => !view.state.doc.textContent && view.state.doc.childCount === 1 && !hasMention(view.state.doc),
    take() {
      const taken = view.state.doc
      return () => {
        const typed = view.state.doc.content.findDiffStart(taken.content)
        // A new state, so that undoing does not bring back what was sent.
        if (typed === null) view.updateState(fresh(docOfText('')))
        else view.dispatch(view.state.tr.delete(0, typed).setMeta('addToHistory', false))
        options.onChange()
        tellCaret()
      }
    },
    setLabels(nextLabel, nextPlaceholder) {
      label = nextLabel
      placeholder = nextPlaceholder
      refresh()
    },
    setAria(name, value) {
      if (value === null) delete aria[name]
      else aria[name] = value
      refresh()
    },
    format(name) {
      commands[name](view.state, view.dispatch)
      view.focus()
    },
    isActive(name) {
      const { state } = view
      const { from, to, empty, $from } = state.selection
      const has = (type: MarkType) => (empty ? !!type.isInSet(state.storedMarks ?? $from.marks()) : state.doc.rangeHasMark(from, to, type))
      switch (name) {
        case 'bold': return has(m.strong)
        case 'italic': return has(m.em)
        case 'underline': return has(m.underline)
        case 'strikethrough': return has(m.strike)
        case 'code': return has(m.code)
        case 'link': return has(m.link)
        case 'bulletList': return isInside(state, n.bullet_list)
        case 'numberedList': return isInside(state, n.ordered_list)
        case 'quote': return isInside(state, n.blockquote)
        case 'codeBlock': return isInside(state, n.code_block)
        default: return false
      }
    },
    link() {
      const mark = m.link.isInSet(view.state.selection.$from.marks())
      return mark ? String(mark.attrs['href']) : ''
    },
    setLink(address) {
      const { state } = view
      const { from, to, empty } = state.selection
      const range = empty ? linkAround(state) : { from, to }
      const url = httpUrl(!address || /^[a-z][a-z\d+.-]*:/i.test(address) ? address : `https://${address}`)
      if (url) {
        const link = m.link.create({ href: url.href })
        view.dispatch(range
          ? state.tr.addMark(range.from, range.to, link)
          : state.tr.replaceSelectionWith(schema.text(address, [link]), false))
      } else if (!address && range) {
        view.dispatch(state.tr.removeMark(range.from, range.to, m.link))
      }
      view.focus()
    },
    mention(id, name) {
      const found = mentionAt()
      if (!found) return
      view.dispatch(view.state.tr.replaceWith(found.from, found.to, [n.mention.create({ id, label: name }), schema.text(' ')]).scrollIntoView())
      view.focus()
    },
    destroy: () => view.destroy(),
  }
}
