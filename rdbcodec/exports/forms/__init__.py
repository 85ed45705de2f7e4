"""The text forms of the types, a file each with a dict FORMS: rdbcodec.exports.values finds them."""
