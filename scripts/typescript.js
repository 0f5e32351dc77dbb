'use strict';
// TypeScript from source. esbuild exports by getters that look up in other getters, at every use of an import, and V8
// does not see through them: here, once a module has loaded, its exports become plain properties, as tsc would write.
require('tsx/cjs');
const load = require.extensions['.ts'];
require.extensions['.ts'] = (module, filename) => {
  load(module, filename);
  module.exports = { __esModule: true, ...module.exports };
};
