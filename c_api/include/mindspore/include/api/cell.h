// Source compatibility with MindSpore Lite's C++ API: GraphCell.
#ifndef MINDSPORE_INCLUDE_API_CELL_H
#define MINDSPORE_INCLUDE_API_CELL_H

#include "include/api/graph.h"

#endif  // MINDSPORE_INCLUDE_API_CELL_H
