#!/usr/bin/env node
// Plain JavaScript, and no more than this: an older Node can still say what it lacks.
const NODE_MAJOR_MIN = 24
const { versions, platform, arch, stderr } = process

if (Number(versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  stderr.write(
    `mto needs Node ${NODE_MAJOR_MIN} or later, and this is ${versions.node}. ` +
      `${platform === 'linux' ? `In a project of your own: npm install --save-dev node-linux-${arch}@${NODE_MAJOR_MIN} gives npx another one.` : 'Install a newer one.'}\n`,
  )
  process.exitCode = 1
} else {
  await import('./mto.ts').catch((error) => {
    if (error.code !== 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') throw error
    stderr.write(
      'mto runs its TypeScript as it is, and Node does not do that below node_modules: install it from a clone ' +
        'beside your project (npm install ../mto, after make install there), which makes a link.\n',
    )
    process.exitCode = 1
  })
}
