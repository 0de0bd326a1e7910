// Which models a test plays: nets of streams, or with -DMARKOV Markov models of words.
#ifndef KIND_HPP
#define KIND_HPP

#include "antiphon.hpp"

#ifdef MARKOV
using Tables = antiphon::NGrams;
using Played = antiphon::MarkovModel;
using Saved = antiphon::MarkovModel::Snapshot;
#else
using Tables = antiphon::Weights;
using Played = antiphon::Model;
using Saved = antiphon::Snapshot;
#endif

#endif
