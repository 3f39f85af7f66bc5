# countersign_embed(NAME FILE …) writes NAME.cc with the text of each FILE, for embedded.h: the
# program brings its packs and frameworks along and needs no installed files.
function(countersign_embed out)
  set(entries "")
  foreach(file ${ARGN})
    file(READ ${CMAKE_SOURCE_DIR}/${file} text)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
    string(APPEND entries "    {\"${file}\", R\"~embedded~(${text})~embedded~\"},\n")
  endforeach()
  list(LENGTH ARGN count)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/embedded.cc.in ${out} @ONLY)
endfunction()
