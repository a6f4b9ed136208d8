import type { Plugin } from 'vite'
import type { EmojiFile } from '../src/chat/emoji/emoji'

export declare function emoji(): Plugin
export declare function emojiFile(language: 'ru' | 'en' | 'zh'): EmojiFile
