# Writes the file IN as C: const char openapi_json[]; const size_t openapi_json_length.
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE "${OUT}" "#include \"service/openapi.h\"\n
const unsigned char openapi_json[] = {\n${bytes}\n};
const size_t openapi_json_length = sizeof openapi_json;\n")
