package meter

// RewriteEvery is Rewrite with another quantum.
var RewriteEvery = rewriteEvery
