import type ru from './locales/ru.json'

/** A text by plural form of `count`, as Intl.PluralRules names them. */
export type Plural = { readonly other: string } & Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>

type Texts<T> = T extends string ? string : T extends { other: string } ? Plural : { readonly [K in keyof T]: Texts<T[K]> }
type Some<T> = T extends string | Plural ? T : { readonly [K in keyof T]?: Some<T[K]> }
type Paths<T> = {
  [K in keyof T & string]: T[K] extends string | { other: string } ? K : `${K}.${Paths<T[K]>}`
}[keyof T & string]

/** Every text of the interface. The Russian file says which there are; a locale that lacks one does not compile. */
export type Messages = Texts<typeof ru>
/** What a host gives to say something in its own words. */
export type MessageOverrides = Some<Messages>
export type MessageKey = Paths<typeof ru>
export type MessageParams = Readonly<Record<string, string | number>>
