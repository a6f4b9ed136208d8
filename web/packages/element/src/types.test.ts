// @vitest-environment happy-dom
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { EVENTS, METHODS, READABLE, SETTABLE } from './element'
import text from '../types/index.d.ts?raw'
import { MTChatElement } from './index'

const source = ts.createSourceFile('index.d.ts', text, ts.ScriptTarget.Latest, true)
const LIFE = /Callback$|^constructor$|^addEventListener$/

function members(name: string): ts.NodeArray<ts.ClassElement | ts.TypeElement> {
  for (const each of source.statements) {
    if ((ts.isClassDeclaration(each) || ts.isInterfaceDeclaration(each)) && each.name?.text === name) return each.members
  }
  throw new Error(`types/index.d.ts has no ${name}`)
}
const nameOf = ({ name }: ts.ClassElement | ts.TypeElement) => (name && (ts.isStringLiteral(name) || ts.isIdentifier(name)) ? name.text : '')
const sorted = (names: Iterable<string>) => [...new Set(names)].filter((name) => !LIFE.test(name)).sort()

describe('the types written by hand', () => {
  const written = members('MTChatElement')
  const isReadOnly = (each: ts.ClassElement | ts.TypeElement) =>
    ts.canHaveModifiers(each) && (ts.getModifiers(each) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword)

  it('have the methods of the real element', () => {
    expect(sorted(written.filter((each) => ts.isMethodDeclaration(each)).map(nameOf))).toEqual(sorted(METHODS))
  })

  it('have its properties, those that can be set and those that can’t', () => {
    const properties = written.filter((each) => !ts.isMethodDeclaration(each))
    expect(sorted(properties.filter((each) => !isReadOnly(each)).map(nameOf))).toEqual(sorted(SETTABLE))
    expect(sorted(properties.filter(isReadOnly).map(nameOf))).toEqual(sorted(Object.keys(READABLE)))
  })

  it('have nothing that the real one lacks, and lack nothing of it', () => {
    const { prototype } = MTChatElement
    const own = Object.getOwnPropertyNames(prototype).filter((name) => {
      const { value, get } = Object.getOwnPropertyDescriptor(prototype, name)!
      // Private methods of the class are no secret at run time.
      return get !== undefined || METHODS.includes(name as (typeof METHODS)[number]) || typeof value !== 'function'
    })
    expect(sorted(written.map(nameOf))).toEqual(sorted(own))
  })

  it('name its events', () => {
    expect(sorted(members('MTChatEventMap').map(nameOf))).toEqual(sorted(EVENTS))
  })
})
