// What the picker shows, one module per language, made from emojibase-data while bundling: `mtchat:emoji/ru`.
// As a module of that package it is named in licenses.txt, and nothing made lies in the repository.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const NAME = /^mtchat:emoji\/(ru|en|zh)$/
const MODULE = /[\\/]emojibase-data[\\/](ru|en|zh)[\\/]emoji-\1\.js$/
const home = dirname(createRequire(import.meta.url).resolve('emojibase-data/package.json'))

/** What systems of the last three years can draw; what is newer would be an empty box for many. */
const NEWEST = 15
/** As emojibase counts them; 2 are the skin tones. */
const GROUPS = [0, 1, 3, 4, 5, 6, 7, 8, 9]

// Those of emojibase are not what one would say.
const WORDS = {
  ru: {
    search: 'Найти эмодзи',
    recent: 'Недавние',
    groups: ['Смайлики и чувства', 'Люди и жесты', 'Животные и природа', 'Еда и напитки', 'Поездки и места', 'Занятия', 'Предметы', 'Символы', 'Флаги'],
  },
  en: {
    search: 'Find an emoji',
    recent: 'Recently used',
    groups: ['Smileys and feelings', 'People and gestures', 'Animals and nature', 'Food and drink', 'Travel and places', 'Activities', 'Objects', 'Symbols', 'Flags'],
  },
  zh: {
    search: '查找表情',
    recent: '最近使用',
    groups: ['笑脸与情感', '人物与手势', '动物与自然', '食物与饮料', '旅行与地点', '活动', '物品', '符号', '旗帜'],
  },
}

/** @returns what `src/chat/emoji/emoji.ts` calls EmojiFile */
export function emojiFile(language) {
  const all = JSON.parse(readFileSync(`${home}/${language}/data.json`, 'utf8'))
  const { groups, ...words } = WORDS[language]
  return {
    ...words,
    groups: GROUPS.map((group, at) => ({
      name: groups[at],
      emoji: all
        .filter((one) => one.group === group && one.version <= NEWEST)
        .sort((a, b) => a.order - b.order)
        .map(({ emoji, label, tags = [] }) => [emoji, label, ...tags.filter((tag) => !label.includes(tag))].join('|')),
    })),
  }
}

export function emoji() {
  return {
    name: 'mtchat-emoji',
    enforce: 'pre',
    resolveId(id) {
      const language = NAME.exec(id)?.[1]
      return language ? `${home}/${language}/emoji-${language}.js` : null
    },
    load(id) {
      const language = MODULE.exec(id)?.[1]
      // As text it is read several times faster than as code.
      return language ? `export default JSON.parse(${JSON.stringify(JSON.stringify(emojiFile(language)))})` : null
    },
  }
}
