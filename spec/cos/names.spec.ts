import { expect } from 'chai'
import { assertBucket, assertKey } from '../../lib/cos/names.js'
import { refused } from '../support/refused.js'

describe('names', () => {
  const goodKeys = [
    'a',
    '/a',
    '//a',
    'a/',
    'a//b',
    '...',
    'a/...',
    '.a',
    'a.',
    'a/.b/..c/d..',
    '%2e%2e%2e',
    '%252e',
    '%2f..',
    ' ',
    '\u0000',
    '\\..\\',
    '😀',
    'é',
    'é'.repeat(425),
    'a'.repeat(850),
  ]
  for (const key of goodKeys) {
    it(`takes the key ${JSON.stringify(key.slice(0, 20))} of ${Buffer.byteLength(key)} bytes`, () => {
      assertKey(key)
    })
  }

  const badKeys: [title: string, key: unknown][] = [
    ['the empty key', ''],
    ['/', '/'],
    ['///', '///'],
    ['.', '.'],
    ['..', '..'],
    ['a/../b', 'a/../b'],
    ['a/./b', 'a/./b'],
    ['../a', '../a'],
    ['a/..', 'a/..'],
    ['/./', '/./'],
    ['%2e', '%2e'],
    ['%2E%2e', '%2E%2e'],
    ['.%2e', '.%2e'],
    ['a/%2E./b', 'a/%2E./b'],
    ['851 bytes of ASCII', 'a'.repeat(851)],
    ['426 characters of two bytes', 'é'.repeat(426)],
    ['a lone high surrogate', 'a\ud83d'],
    ['a lone low surrogate', '\ude00a'],
    ['surrogates the wrong way round', '\ude00\ud83d'],
    ['a number', 5],
    ['undefined', undefined],
    ['null', null],
  ]
  for (const [title, key] of badKeys) {
    it(`refuses ${title} as a key`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => assertKey(key))
      expect(error).to.have.property('option', 'Key')
    })
  }

  for (const bucket of ['a-1', 'examplebucket-1250000000', 'a-b-c-1250000000', `${'a'.repeat(50)}-1`]) {
    it(`takes the bucket ${bucket}`, () => {
      assertBucket(bucket)
    })
  }

  const badBuckets = [
    undefined,
    7,
    '',
    'a',
    'examplebucket',
    '-a-1',
    'a--',
    'A-1250000000',
    'a_b-1',
    'a.b-1',
    'a/b-1',
    'a-1/',
    'a-1 ',
    'a-1\n',
    'a@b-1',
    'evil.com#-1',
    'ä-1',
    `${'a'.repeat(51)}-1`,
  ]
  for (const bucket of badBuckets) {
    it(`refuses the bucket ${JSON.stringify(bucket)}, naming it`, async () => {
      const error = await refused('SEALSTREAM_OPTION', () => assertBucket(bucket))
      expect(error).to.have.property('option', 'Bucket')
      expect(error).to.have.property('value', bucket)
    })
  }
})
