import { expect } from 'chai'
import { shownOf } from '../../../src/oidc/library/unlisted-return.ts'

describe('shownOf', () => {
  for (const [uri, shown] of [
    ['https://shop.example.com/oauth2callback', 'https://shop.example.com/oauth2callback'],
    ['http://localhost:8501/oauth2callback', 'http://localhost:8501/oauth2callback'],
    ['https://shop.example.com', 'https://shop.example.com/'],
    ['https://call:0800@shop.example.com/bye?say=something#more', 'https://shop.example.com/bye?…'],
    ['com.example.app:/x', 'com.example.app:/x'],
    ['com.example.app://bye/x', 'com.example.app://bye/x'],
    ['https://shop.example.com/"><script>', 'https://shop.example.com/%22%3E%3Cscript%3E'],
  ] as const)
    it(`shows of ${uri} where it leads`, () => expect(shownOf(uri)).to.equal(shown))

  for (const uri of [
    'call this number',
    'Urgent:your account is locked, call 0800 123',
    'urgent:/call-0800-123',
    'com.example.app:call this number',
    'com.example.app:call-this-number',
    'https://shop.example.com/call this number',
    'https://shop.example.com/call%20this%20number',
    'javascript:alert(1)',
    'data:text/plain,x',
    `https://shop.example.com/${'x'.repeat(120)}`,
  ])
    it(`shows nothing of ${uri.slice(0, 60)}`, () => expect(shownOf(uri)).to.equal(undefined))
})
