import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { chmod, mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { crc64 } from '../../lib/checksum/crc64.js'
import type { Fault } from '../../lib/server/faults/fault.js'
import { eventually } from '../support/eventually.js'
import { CONTENT, expectUploaded, fileUploads, PARTS } from '../support/interrupted-upload.js'
import { BUCKET } from '../support/raw-request.js'
import { refused } from '../support/refused.js'
import { becomesEmpty } from '../support/server-files.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { CLIENT_KINDS, PART, uploadRigs } from '../support/upload-rig.js'

/** Option → values that it does not take. */
const WRONG: Record<string, readonly unknown[]> = {
  PartSize: [
    0,
    -1,
    1,
    PART - 16,
    PART + 1,
    PART + 8,
    1.5 * PART + 0.5,
    '1048576',
    NaN,
    Infinity,
    null,
    6 * 2 ** 30,
  ],
  Concurrency: [0, -1, 257, 1.5, '4', null, NaN],
  maxBuffer: [0, -1, 1.5, '1', null, NaN],
  EnableMD5: ['true', 1, null],
  onProgress: [1, 'text', null, {}],
  onEvent: [1, 'text', null, {}],
  signal: [1, {}, null],
  Key: ['', undefined, 5, 'a/../b', 'x'.repeat(851)],
  Bucket: ['', 'A b', 5],
  StorageClass: ['a\nb', 5],
  ACL: ['a\r\nb', 5],
  Tagging: [5, {}],
  TrafficLimit: [1, 'fast', 819_199],
  ServerSideEncryption: ['rot13', 5],
  SSECustomerKey: ['short', Buffer.alloc(31)],
  SliceSize: [1],
  FilePath: ['x'],
  partSize: [PART],
}

const OF_FILES: Record<string, readonly unknown[]> = {
  LocalFilePath: [undefined, null, '', 5, 'a\0b', Buffer.from('path')],
  checkpoint: [1, null, '', {}],
  Body: ['x'],
}

const OF_UPLOADS: Record<string, readonly unknown[]> = {
  LocalFilePath: ['x'],
  checkpoint: [true],
}

describe('uploadFile', () => {
  const start = uploadRigs()
  const make = fileUploads()
  const at = temporaryFolder()

  for (const kind of CLIENT_KINDS) {
    it(`stores files of sizes around every part edge with 1, 2 and 8 at a time, ${kind}`, async () => {
      const rig = await start()
      const client = rig.client(kind)
      for (const [i, size] of [
        0,
        1,
        15,
        16,
        17,
        PART - 1,
        PART,
        PART + 1,
        2 * PART,
        3 * PART + 5,
      ].entries()) {
        const bytes = CONTENT.subarray(0, size)
        await writeFile(at('file'), bytes)
        const params = { Key: 'a', LocalFilePath: at('file'), PartSize: PART, Concurrency: [1, 2, 8][i % 3]! }
        const stored = await client.uploadFile({ ...params, checkpoint: i % 2 === 0 })
        const { headers, body } = await rig.raw()
        expect(stored, `${size}`).to.include({
          Bucket: BUCKET,
          Key: 'a',
          ETag: headers.etag,
          HashCrc64ecma: String(crc64(body)),
          StoredLength: size,
          PartCount: size <= PART ? 0 : Math.ceil(size / PART),
          verified: 'crc64',
        })
        if (kind !== 'plain') expect(stored).to.include({ ContentLength: size, format: kind })
        expect((await rig.contentOf())?.equals(bytes), `${size}`).to.equal(true)
      }
      expect(await rig.uploads()).to.deep.equal([])
    })
  }

  for (const [method, more] of [
    ['uploadFile', OF_FILES],
    ['upload', OF_UPLOADS],
  ] as const) {
    for (const [option, values] of Object.entries({ ...WRONG, ...more })) {
      it(`${method} refuses ${values.length} wrong values of ${option} by its name, before any request`, async () => {
        const [rig, file] = [await start(), await make()]
        for (const kind of ['plain', 'cos'] as const) {
          for (const value of values) {
            const source = method === 'upload' ? { Body: CONTENT } : { LocalFilePath: file.path }
            const params = { Key: 'a', ...source, [option]: value } as never
            const error = await refused('SEALSTREAM_OPTION', () => rig.client(kind)[method](params))
            expect(error, String(value)).to.have.property('option', option)
            expect(error.message).to.contain(option)
            if (typeof value === 'number') expect(error.message).to.match(new RegExp(`${value}|not a known`))
          }
        }
        expect(rig.requests).to.deep.equal([])
        expect(await file.others()).to.deep.equal([])
      })
    }

    for (const kind of ['plain', 'cos'] as const) {
      it(`${method} without parameters is an OptionError, ${kind}`, async () => {
        const rig = await start()
        for (const none of [undefined, null, 5]) {
          await refused('SEALSTREAM_OPTION', () => rig.client(kind)[method](none as never))
        }
      })
    }
  }

  it('refuses a folder and a device: no regular file', async () => {
    const rig = await start()
    for (const LocalFilePath of [at('.'), '/dev/null']) {
      for (const checkpoint of [false, at('checkpoint')]) {
        const error = await refused('SEALSTREAM_OPTION', () =>
          rig.client().uploadFile({ Key: 'a', LocalFilePath, checkpoint }),
        )
        expect(error).to.have.property('option', 'LocalFilePath')
      }
    }
    expect(rig.requests).to.deep.equal([])
  })

  it('refuses a named pipe that nobody writes to', async () => {
    const rig = await start()
    execFileSync('mkfifo', [at('pipe')])
    const refusing = refused('SEALSTREAM_OPTION', () =>
      rig.client().uploadFile({ Key: 'a', LocalFilePath: at('pipe') }),
    )
    try {
      let isOver = false
      const over = refusing.then(
        () => (isOver = true),
        () => (isOver = true),
      )
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 2000))])
      expect(isOver).to.equal(true)
    } finally {
      // Both ends: lets go of whoever waits.
      await (await open(at('pipe'), 'r+')).close()
      await refusing
    }
  })

  it('says why a file cannot be read, with the cause', async () => {
    const rig = await start()
    await symlink(at('loop'), at('loop'))
    await writeFile(at('file'), '')
    const socket = createServer().listen(at('socket'))
    await mkdir(at('closed'))
    const cases: [string, string][] = [
      [at('missing'), 'ENOENT'],
      [at('file/below'), 'ENOTDIR'],
      [at('loop'), 'ELOOP'],
      [at('socket'), 'ENXIO'],
    ]
    if (process.getuid?.() !== 0) {
      await chmod(at('file'), 0)
      cases.push([at('file'), 'EACCES'])
    }
    try {
      for (const [LocalFilePath, code] of cases) {
        for (const checkpoint of [false, at('checkpoint')]) {
          const error = await refused('SEALSTREAM_FILE', () =>
            rig.client().uploadFile({ Key: 'a', LocalFilePath, checkpoint }),
          )
          expect(error.cause).to.have.property('code', code)
          expect(error.message).to.contain('LocalFilePath')
        }
      }
    } finally {
      socket.close()
    }
    expect(rig.requests).to.deep.equal([])
  })

  /** What happens to the file while it is uploaded. */
  const CHANGES: Record<string, (path: string) => void> = {
    'grows by a byte': (path) => appendFileSync(path, 'x'),
    'loses its last part': (path) => truncateSync(path, 5 * PART),
    'is empty': (path) => truncateSync(path, 0),
    'has another time': (path) => utimesSync(path, 1000, 1000),
    'is replaced': (path) => {
      copyFileSync(path, `${path}2`)
      renameSync(`${path}2`, path)
    },
    'is removed': (path) => unlinkSync(path),
    'has other content, size and time restored': (path) => {
      const { atime, mtime } = statSync(path)
      writeFileSync(path, Buffer.alloc(CONTENT.length, 1))
      utimesSync(path, atime, mtime)
    },
  }

  for (const [name, change] of Object.entries(CHANGES)) {
    for (const when of [0, 1, PARTS - 1, PARTS]) {
      it(`of a file that ${name} after ${when} of ${PARTS} parts is SEALSTREAM_SOURCE_CHANGED, and leaves nothing`, async () => {
        for (const checkpoint of [true, false]) {
          const [rig, file] = [await start(), await make()]
          let isChanged = false
          const onProgress = ({ bytes }: { bytes: number }): void => {
            if (isChanged || bytes < Math.min(when * PART, CONTENT.length)) return
            isChanged = true
            change(file.path)
          }
          await refused('SEALSTREAM_SOURCE_CHANGED', () =>
            rig.client().uploadFile(file.params({ checkpoint, onProgress })),
          )
          await becomesEmpty(rig.server)
          expect(rig.of('completeMultipartUpload')).to.deep.equal([])
          expect(await file.others()).to.deep.equal([])
        }
      })
    }
  }

  it('of a file that changes while another run goes on with it starts no third one by itself', async () => {
    const [rig, file] = [await start(), await make()]
    await file.interrupted(rig, rig.client())
    let isChanged = false
    const onProgress = (): void => {
      if (!isChanged) appendFileSync(file.path, 'x')
      isChanged = true
    }
    await refused('SEALSTREAM_SOURCE_CHANGED', () => rig.client().uploadFile(file.params({ onProgress })))
    await becomesEmpty(rig.server)
    expect(await file.others()).to.deep.equal([])
    await rig.client().uploadFile(file.params())
    await expectUploaded(rig, file, Buffer.concat([CONTENT, Buffer.from('x')]))
  })

  it('with a checkpoint drops an upload whose object the service got wrong', async () => {
    for (const fault of [
      { kind: 'wrong-crc64', operation: 'completeMultipartUpload' },
      { kind: 'flip-bit-stored', operation: 'uploadPart', partNumber: 2, times: Infinity },
    ] as Fault[]) {
      const [rig, file] = [await start({ faults: [fault] }), await make()]
      await refused('SEALSTREAM_INTEGRITY', () => rig.client().uploadFile(file.params()))
      await eventually(async () => expect(await rig.uploads()).to.deep.equal([]))
      expect(await file.others()).to.deep.equal([])
    }
  })
})
